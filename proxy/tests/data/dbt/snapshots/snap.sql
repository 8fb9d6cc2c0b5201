{% snapshot snap %}
{{ config(target_schema='public', unique_key='id', strategy='check', check_cols='all') }}
select * from {{ ref('customers') }}
{% endsnapshot %}
