"""What everybody who speaks the mesh's protocol shares: headers, partitioner and sizes of records."""
