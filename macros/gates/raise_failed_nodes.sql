{#
    on-run-end, after the results are recorded: says which gate failed on which model, how many rows, where they are and
    how to see them; then which models could not be built. dbt itself leaves that to its log, so that a caller of dbt's
    API (Mage's dbt block) learns `None`. With the variable `raise_failures` the message becomes the error of the run. The
    database raises it: what `exceptions` raises, dbt puts under a heading that names this hook.
#}
{% macro raise_failed_nodes(results) %}
    {% if execute %}
        {% set sentences = [] %}
        {% set skipped = results | selectattr('status', 'equalto', 'skipped') | list | length %}
        {% for result in results if result.status in ['fail', 'error', 'runtime error', 'partial success'] %}
            {% do sentences.append(failed_node_sentence(result)) %}
        {% endfor %}
        {% if sentences and skipped %}
            {% do sentences.append(skipped ~ ' nodes downstream were not built.') %}
        {% endif %}
        {% for sentence in sentences %}
            {% do log(sentence, info=true) %}
        {% endfor %}
        {% if sentences and var('raise_failures', false) %}
            {% set message = escape_single_quotes(sentences | join('\n') | replace('$raise$', '')) %}
            {% do run_query("do $raise$ begin raise exception using message = '" ~ message ~ "'; end $raise$") %}
        {% endif %}
    {% endif %}
{% endmacro %}
