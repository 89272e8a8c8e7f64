{# One line on one failed result; `result` is a dbt run result. #}
{% macro failed_node_sentence(result) %}
    {% set node = result.node %}
    {% if node.resource_type == 'test' and result.status == 'fail' %}
        {% set rows = '1 row' if result.failures == 1 else result.failures ~ ' rows' %}
        {% set kept = ', kept in ' ~ node.relation_name | replace('"', '') if node.relation_name else '' %}
        {% set text = 'Gate ' ~ node.name ~ ' on ' ~ gated_model(node) ~ ' failed: ' ~ rows ~ kept
            ~ '. Show them, and the ways out: headgate gates show ' ~ node.name ~ failed_loads_sentence(node) %}
    {% elif node.resource_type == 'source' and result.max_loaded_at %}
        {% set text = 'Source ' ~ node.source_name ~ '.' ~ node.name ~ ' is late: '
            ~ ('its newest landed data ends at ' ~ result.max_loaded_at if result.max_loaded_at.year > 1 else 'nothing landed')
            ~ '. Show what is late: headgate check' %}
    {% else %}
        {% set text = node.resource_type | capitalize ~ ' ' ~ node.name ~ ' could not run: '
            ~ result.message | default('', true) | trim | replace('\n', ' ') %}
    {% endif %}
    {{ return(text) }}
{% endmacro %}

{# The loads that failing rows of a gate belong to, with the commands that let the others through; empty where the rows name
   none. `gate` is the gate's node. #}
{% macro failed_loads_sentence(gate) %}
    {% set found = [] %}
    {% if gate.relation_name %}
        {% set columns = get_columns_in_query('select * from ' ~ gate.relation_name) %}
        {% set place = place_of_row('failed', 'loads', columns) %}
        {% set statement %}
            select distinct loads.load_id
            from {{ gate.relation_name }} as failed
            inner join ops.loads as loads
                on loads.status = 'landed' and loads.contract_source in ('{{ gated_sources(gate) | join("', '") }}') and {{ place }}
            order by loads.load_id
            limit 3
        {% endset %}
        {% do found.extend(run_query(statement).columns[0].values()) %}
    {% endif %}
    {% if found %}
        {% set load = found[0] %}
        {{ return('. It is load ' ~ found | join(', load ') ~ ': headgate gates waive ' ~ gate.name ~ ' --load ' ~ load
            ~ ' lets it pass, headgate loads discard ' ~ load ~ ' leaves it out') }}
    {% endif %}
    {{ return('') }}
{% endmacro %}
