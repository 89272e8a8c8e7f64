-- One lander at a time per partition, file or content; the lock ends with the session, also when its process is killed.
select pg_advisory_lock(hashtextextended('headgate land ' || $1 || ' ' || $2 || ' ' || $3, 0))
