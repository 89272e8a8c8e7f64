update {table} set line = $3, stored_as = $4, line_hmac = $5 where load_id = $1 and line_number = $2
