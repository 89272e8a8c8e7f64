select pg_advisory_unlock(hashtextextended('headgate land ' || $1 || ' ' || $2 || ' ' || $3, 0))
