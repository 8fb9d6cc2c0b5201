{{ config(
    materialized='table',
    post_hook=[
      "unload ('select * from {{ this }}') to 's3://companyb/orders/' iam_role '{{ var(\"redshift_role\") }}'",
      "unload ('select 1') to 's3://companyb/x/' iam_role 'arn:aws:iam::123456789012:role/RoleA, arn:aws:iam::210987654321:role/RoleB'"
    ],
    pre_hook="delete from audit where model = '{{ this.name }}'"
) }}
select id
from {{ ref('customers') }}
{% if var('x', false) %}
where 1 = 0
{% endif %}
