{#
    Of a model `<source>_observed_paths`: no record type has a path that it had in no load before. For a warning: what is new
    is landed and kept, and not typed until the contract declares it.

    Args:
        source_name: the source.
#}
{% test has_no_new_path(model, source_name) %}
{{ findings_of_source(source_name, model, "finding = 'new path'") }}
{% endtest %}
