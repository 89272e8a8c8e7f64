-- Loads of the same delivery that a process left behind when it was killed. Whoever runs this holds its lock.
update ops.loads
set status = 'failed', error = 'abandoned: the process that landed it ended', finished_at = clock_timestamp()
where
    source = $1 and entity = $2 and status = 'running'
    and case when appended then uri = $4 else partition_start = $3 end
