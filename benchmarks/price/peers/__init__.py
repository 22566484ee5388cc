"""The job of ``benchmarks.price`` as an experienced user of each library would write it."""
