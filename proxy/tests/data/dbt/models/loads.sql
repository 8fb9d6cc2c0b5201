{{ config(materialized='view') }}

select 1 as id -- a model that a careless hand wrote a COPY into
;
copy {{ ref('customers') }}
from 's3://companyb/{{ var("x", "in") }}/'
iam_role 'arn:aws:iam::210987654321:role/RoleB'
