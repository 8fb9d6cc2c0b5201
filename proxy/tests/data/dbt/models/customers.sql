-- customers
{% set n = 2 %}
select {{ n }} as id
{% for i in range(3) %}
union all select {{ i }}
{% endfor %}
