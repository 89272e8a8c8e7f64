{# An alarm as a sentence with its figure, the number of answers and the limit; see model_alarms. #}
{% macro alarm_sentence() -%}
    case alarm
        when 'errors' then format('share of failed answers: %s of %s answers, at most %s', {{ short('figure') }}, answers_count, threshold)
        when 'latency' then format('p95 of latency in seconds: %s of %s answers, at most %s', {{ short('figure') }}, answers_count, threshold)
        when 'staleness' then format('p95 of the features'' age in seconds: %s of %s answers, at most %s', {{ short('figure') }}, answers_count, threshold)
        when 'volume' then format('volume: %s answers, at least %s', answers_count, threshold)
        when 'drift' then format('drift of %s: PSI %s, corrected p %s (%s keys)', subject, {{ short('figure') }}, {{ short('threshold') }}, answers_count)
        when 'differing' then format('skew of view %s: %s of %s answers served with other values than the store''s history', subject, figure, answers_count)
        when 'unknown' then format('skew of view %s: %s of %s answers served at an instant that the release has no row of', subject, figure, answers_count)
        when 'behind' then format('skew of view %s: %s of %s answers served from an older row than the release''s newest: a stale online table', subject, figure, answers_count)
        when 'loss' then format('loss%s: at least %s (%s labels), at most %s', coalesce(' where ' || nullif(subject, ''), ''), {{ short('figure') }}, answers_count, threshold)
    end
{%- endmacro %}

{# A number with three digits that count, as text. #}
{% macro short(number) -%}
    case
        when {{ number }} = 0 then '0'
        when abs({{ number }}) < 0.0001 then 'below 0.0001'
        else trim_scale(round({{ number }}::numeric, greatest(0, 3 - ceil(log(abs({{ number }}))::numeric)::integer)))::text
    end
{%- endmacro %}
