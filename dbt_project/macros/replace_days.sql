{#- Incremental strategy: the days asked for are replaced, all of them, in one transaction. A day that has no rows
    any more becomes empty; delete+insert by key would leave its old rows standing. -#}
{% macro get_incremental_replace_days_sql(arg_dict) %}
  {%- set columns = get_quoted_csv(arg_dict["dest_columns"] | map(attribute="name")) -%}
  delete from {{ arg_dict["target_relation"] }} where {{ in_days('day') }};
  insert into {{ arg_dict["target_relation"] }} ({{ columns }})
  select {{ columns }} from {{ arg_dict["temp_relation"] }}
{% endmacro %}

{#- The days this run is asked for, as a condition on a date column; true when it is asked for all. -#}
{% macro in_days(column) -%}
  {%- if var('start_day') and var('end_day') -%}
    {{ column }} between date '{{ var("start_day") }}' and date '{{ var("end_day") }}'
  {%- else -%}
    true
  {%- endif -%}
{%- endmacro %}
