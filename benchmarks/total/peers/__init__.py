"""The job of ``benchmarks.total`` as an experienced user of each library would write it."""
