-- Loads of the partition that a process left behind when it was killed. Whoever runs this holds the partition's lock.
update ops.loads
set status = 'failed', error = 'abandoned: the process that landed it ended', finished_at = clock_timestamp()
where source = $1 and entity = $2 and partition_start = $3 and status = 'running'
