{#
    Paths as they have to hold where the contract does not ask for them: in the generations of records that no rule of a path
    names. A staging model unpacks a record whatever generation it is of, so that what it casts has to be castable in all.

    Args:
        contract: the contract, as it is declared.

    Returns optional rules, such as [{'path': 'payload.size', 'type': 'integer', 'kinds': ['order_placed'], 'generations': ['events_slim']}].
#}
{% macro contract_unnamed_generations(contract) -%}
    {% set found = [] %}
    {% set every = contract.paths | map(attribute='generations', default=[]) | sum(start=[]) | unique | sort %}
    {% set cast = ['integer', 'number', 'boolean', 'timestamp', 'date'] + epoch_units() | list %}
    {% for name, rules in contract.paths | groupby('path') if every and name != contract.envelope.time %}
        {% if rules | map(attribute='type') | unique | list | length == 1 and rules[0].type in cast %}
            {% set kinds = (rules | map(attribute='kinds', default=[]) | sum(start=[]))
                + (rules | map(attribute='except_kinds', default=[]) | sum(start=[])) %}
            {% set kinds = kinds | unique | list %}
            {# Kinds by the generations that no rule names for them; '*' is every kind that no rule names. #}
            {% set by_generations = {} %}
            {% for kind in kinds + ['*'] %}
                {% set named = namespace(generations=[], all=false, is_read=false) %}
                {% for rule in rules if kind not in rule.get('except_kinds', []) and kind in rule.get('kinds', [kind]) %}
                    {% set named.is_read = true %}
                    {% set named.all = named.all or 'generations' not in rule %}
                    {% set named.generations = named.generations + rule.get('generations', []) %}
                {% endfor %}
                {% set missing = every | reject('in', named.generations) | list %}
                {% if named.is_read and missing and not named.all %}
                    {% do by_generations.setdefault(missing | join(','), []).append(kind) %}
                {% endif %}
            {% endfor %}
            {% for missing, of_kinds in by_generations.items() %}
                {% set rule = {'path': name, 'type': rules[0].type, 'generations': missing.split(',')} %}
                {% if '*' not in of_kinds %}
                    {% do rule.update({'kinds': of_kinds}) %}
                {% elif kinds | reject('in', of_kinds) | list %}
                    {% do rule.update({'except_kinds': kinds | reject('in', of_kinds) | list}) %}
                {% endif %}
                {% do found.append(rule) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}
