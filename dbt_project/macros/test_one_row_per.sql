{% test one_row_per(model, columns) %}
select {{ columns | join(', ') }}, count(*) as rows_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{% test within(model, column_name, low=none, high=none) %}
select {{ column_name }}
from {{ model }}
where false
  {% if low is not none %} or {{ column_name }} < {{ low }} {% endif %}
  {% if high is not none %} or {{ column_name }} > {{ high }} {% endif %}
{% endtest %}

{#- `day` names the column by which both are looked at for the days asked for only: others may be on their way. -#}
{% test same_row_count(model, compare_model, day=none) %}
{%- set asked = in_days(day) if day else 'true' %}
select found, expected
from (select count(*) as found from {{ model }} where {{ asked }})
cross join (select count(*) as expected from {{ compare_model }} where {{ asked }})
where found <> expected
{% endtest %}
