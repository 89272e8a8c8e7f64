{#
    Of a model `<source>_observed_paths`: what a sample of each load holds is what the contract says. No required path is
    missing, no type is another, no generation is unknown, in more records than seed gate_thresholds allows. Pins down a
    source that changed its shape, before anything of it is typed; single broken records are quarantined one by one.

    Args:
        source_name: the source.
#}
{% test keeps_its_contract(model, source_name) %}
{{ findings_of_source(source_name, model, "finding <> 'new path'") }}
{% endtest %}
