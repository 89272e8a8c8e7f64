{# A finding of contract_drift as a sentence, with what to do next; `found` is the name of the relation that has it. #}
{% macro drift_explanation(found) -%}
    {%- set of_type = "coalesce(' of ' || nullif(" ~ found ~ ".record_type, 'none'), '')" -%}
    case {{ found }}.finding
        when 'undeclared generation'
            then
                'records' || {{ of_type }} || ' are of generation ' || {{ found }}.schema_generation
                || ', which the contract does not name: nothing would be checked, and columns would be null'
        when 'new path'
            then
                {{ found }}.path || {{ of_type }} || ' (' || {{ found }}.found
                || ') was not there before'
        else
            {{ found }}.path || {{ of_type }} || ': expected ' || {{ found }}.expected
            || ', found ' || {{ found }}.found
    end
    || ', in ' || {{ found }}.records_count || ' of ' || {{ found }}.sampled_count || ' sampled records. Next: '
    || case
        when {{ found }}.finding = 'new path'
            then
                'declare it in the contract of ' || {{ found }}.source_name
                || ' if it is wanted, and raise the version'
        else
            'declare the new shape in the contract of ' || {{ found }}.source_name || ' (models/staging/'
            || {{ found }}.source_name || '), raise its version, run `headgate plan` and `headgate apply`'
    end
{%- endmacro %}
