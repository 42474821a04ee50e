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

{% test same_row_count(model, compare_model) %}
select found, expected
from (select count(*) as found from {{ model }}) cross join (select count(*) as expected from {{ compare_model }})
where found <> expected
{% endtest %}
