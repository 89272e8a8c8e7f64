-- What a sample of each load holds is what the contract says: no required path is missing, no type is
-- another, no generation is unknown, in more records than seed gate_thresholds allows. Pins down a source
-- that changed its shape, before anything of it is typed; single broken records are quarantined one by
-- one.
{{ uncertified_findings("finding <> 'new path'") }}
