-- The system views of Amazon Redshift that tell what is stored and what was run, in the documented columns and their order. What a
-- user may see of them follows from standin_super() and standin_user(), which each session answers for itself.
create table user_row (usesysid integer primary key, usename text unique, usesuper integer);
create table group_row (grosysid integer primary key autoincrement, groname text unique);
create table group_member (groname text, usename text, primary key (groname, usename));
create table role_row (role_id integer primary key autoincrement, role_name text unique);
create table role_user (role_name text, user_name text, primary key (role_name, user_name));
create table role_role (role_name text, granted_role_name text, primary key (role_name, granted_role_name));
create table schema_row (oid integer primary key autoincrement, nspname text unique, nspowner integer, nspacl text, eskind integer,
    esdbname text, esoptions text);
create table proc_row (prooid integer primary key autoincrement, proname text, pronamespace text, proowner integer, prolang integer,
    prosrc text, prokind text, unique (proname, pronamespace));
create table model_row (schema_name text, model_name text, owner integer, function_name text, iam_role text,
    primary key (schema_name, model_name));
create table view_row (oid integer primary key autoincrement, schemaname text, viewname text, viewowner text, definition text, query text,
    unique (schemaname, viewname));
create table job_row (job_id integer primary key autoincrement, job_name text unique, owner integer, iam_role text, job_text text);
create table provider_row (uid integer primary key autoincrement, name text unique, type text, instanceid text, namespc text,
    params text, enabled integer);
create table assumerole_row (username text, iam_role text, cmd text);
create table query_row (query_id integer primary key autoincrement, user_id integer, username text, database_name text,
    session_id integer, transaction_id integer, query_type text, status text, start_time text, end_time text, error_message text,
    query_text text, kind text);
create table connection_row (event text, recordtime text, remotehost text, remoteport text, pid integer, dbname text, username text,
    authmethod text, duration integer, application_name text, sessionid text);
create index query_session on query_row (session_id);
create table numbers (number integer primary key);
with recursive counted (number) as (select 0 union all select number + 1 from counted where number < 5000)
insert into numbers select number from counted;

create view pg_user as select usename, usesysid, 0 as usecreatedb, case when usesuper then 't' else 'f' end as usesuper,
    'f' as usecatupd, '********' as passwd, null as valuntil, null as useconfig from user_row;
create view pg_group as select g.groname, g.grosysid,
    '{' || coalesce((select group_concat(u.usesysid, ',') from group_member m join user_row u on u.usename = m.usename
        where m.groname = g.groname), '') || '}' as grolist from group_row g;
create view svv_roles as select role_id, role_name, 'rdsdb' as role_owner, null as external_id from role_row;
create view svv_user_grants as select u.usesysid as user_id, r.user_name, n.role_id, r.role_name, 0 as admin_option
    from role_user r join user_row u on u.usename = r.user_name join role_row n on n.role_name = r.role_name
    where standin_super() or u.usesysid = standin_user();
create view svv_role_grants as select n.role_id, r.role_name, g.role_id as granted_role_id, r.granted_role_name
    from role_role r join role_row n on n.role_name = r.role_name join role_row g on g.role_name = r.granted_role_name
    where standin_super();
create view pg_namespace as select oid, nspname, nspowner, nspacl from schema_row;
create view svv_external_schemas as select oid as esoid, eskind, nspname as schemaname, nspowner as esowner, esdbname as databasename,
    esoptions from schema_row where eskind is not null and (standin_super() or nspowner = standin_user());
create view pg_external_schema as select oid as esoid, eskind, esdbname, esoptions from schema_row
    where eskind is not null and (standin_super() or nspowner = standin_user());
create view svv_all_schemas as select 'dev' as database_name, nspname as schema_name, nspowner as schema_owner,
    case when eskind is null then 'local' else 'external' end as schema_type, nspacl as schema_acl, '' as source_database,
    substr(esoptions, 1, 256) as schema_option from schema_row;
create view svv_redshift_databases as select 'dev' as database_name, 1 as database_owner, 'local' as database_type, null as database_acl,
    null as database_options, 'Snapshot Isolation' as database_isolation_level;
create view svv_datashares as select 0 as share_id, '' as share_name, 0 as share_owner, '' as source_database,
    '' as consumer_database, 'INBOUND' as share_type, null as createdate, 0 as is_publicaccessible, null as share_acl,
    '' as producer_account, '' as producer_namespace, null as managed_by where 0;
create view pg_language as select 10 as oid, 'plpgsql' as lanname union all select 11, 'exfunc' union all select 12, 'sql';
create view pg_proc_info as select p.prooid, p.proname, n.oid as pronamespace, p.proowner, p.prolang, p.prosrc, null as proargnames,
    p.prokind from proc_row p join schema_row n on n.nspname = p.pronamespace;
create view pg_proc as select p.prooid as oid, p.proname, n.oid as pronamespace, p.proowner, p.prolang, p.prosrc
    from proc_row p join schema_row n on n.nspname = p.pronamespace;
create view svv_redshift_functions as select 'dev' as database_name, pronamespace as schema_name, proname as function_name,
    case prokind when 'p' then 'STORED PROCEDURE' else 'REGULAR FUNCTION' end as function_type, '' as argument_type,
    '' as result_type from proc_row where standin_super() or proowner = standin_user();
create view stv_ml_model_info as select m.schema_name, u.usename as user_name, m.model_name, 'Finished' as life_cycle,
    0 as is_refreshable, 'Model is Ready' as model_state from model_row m join user_row u on u.usesysid = m.owner
    where standin_super() or m.owner = standin_user();
create view pg_class as select v.oid, v.viewname as relname, n.oid as relnamespace, 'v' as relkind from view_row v
    join schema_row n on n.nspname = v.schemaname;
create view pg_views as select schemaname, viewname, viewowner, definition from view_row;
create view sys_copy_job as select job_id, job_name, substr(iam_role, 1, 128) as iam_role, substr(job_text, 1, 256) as job_text,
    1 as is_auto, 0 as on_error_suspend from job_row where standin_super() or owner = standin_user();
create view svv_identity_providers as select uid, name, type, instanceid, namespc, params,
    case when enabled then 't' else 'f' end as enabled from provider_row;

create view sys_query_history as select user_id, query_id, 'default' as query_label, transaction_id, session_id, database_name,
    query_type, status, 0 as result_cache_hit, start_time, end_time, 0 as elapsed_time, 0 as queue_time, 0 as execution_time,
    error_message, 0 as returned_rows, 0 as returned_bytes, substr(query_text, 1, 4000) as query_text,
    '1.0.77467' as redshift_version, username from query_row where standin_logs() or user_id = standin_user();
create view sys_query_text as select q.user_id, q.query_id, q.transaction_id, q.session_id, q.start_time, n.number as sequence,
    substr(q.query_text, n.number * 4000 + 1, 4000) as text from query_row q
    join numbers n on n.number * 4000 < max(length(q.query_text), 1) where standin_logs() or q.user_id = standin_user();
create view stl_query as select user_id as userid, query_id as query, 'default' as label, transaction_id as xid,
    session_id as pid, substr(database_name, 1, 32) as database, substr(replace(query_text, '\n', ' '), 1, 4000) as querytxt,
    start_time as starttime, end_time as endtime, case status when 'success' then 0 else 1 end as aborted, 0 as insert_pristine,
    0 as concurrency_scaling_status from query_row where kind = 'query' and (standin_logs() or user_id = standin_user());
create view stl_querytext as select q.user_id as userid, q.transaction_id as xid, q.session_id as pid, q.query_id as query,
    n.number as sequence, substr(q.query_text, n.number * 200 + 1, 200) as text from query_row q
    join numbers n on n.number * 200 < max(length(q.query_text), 1)
    where q.kind = 'query' and (standin_logs() or q.user_id = standin_user());
create view stl_ddltext as select q.user_id as userid, q.transaction_id as xid, q.session_id as pid, 'default' as label,
    q.start_time as starttime, q.end_time as endtime, n.number as sequence, substr(q.query_text, n.number * 200 + 1, 200) as text
    from query_row q join numbers n on n.number * 200 < max(length(q.query_text), 1)
    where q.kind = 'ddl' and (standin_logs() or q.user_id = standin_user());
create view stl_utilitytext as select q.user_id as userid, q.transaction_id as xid, q.session_id as pid, 'default' as label,
    q.start_time as starttime, q.end_time as endtime, n.number as sequence, substr(q.query_text, n.number * 200 + 1, 200) as text
    from query_row q join numbers n on n.number * 200 < max(length(q.query_text), 1)
    where q.kind = 'utility' and (standin_logs() or q.user_id = standin_user());
create view svl_statementtext as select q.user_id as userid, q.transaction_id as xid, q.session_id as pid, 'default' as label,
    q.start_time as starttime, q.end_time as endtime, n.number as sequence, upper(q.kind) as type,
    substr(q.query_text, n.number * 200 + 1, 200) as text
    from query_row q join numbers n on n.number * 200 < max(length(q.query_text), 1)
    where q.kind <> 'other' and (standin_logs() or q.user_id = standin_user());
create view stl_connection_log as select event, recordtime, remotehost, remoteport, pid, dbname, substr(username, 1, 50) as username,
    authmethod, duration, '' as sslversion, '' as sslcipher, 0 as mtu, '' as sslcompression, '' as sslexpansion, '' as iamauthguid,
    application_name, '' as os_version, '' as driver_version, '' as plugin_name, 0 as protocol_version, sessionid,
    '' as compression from connection_row;
create view sys_connection_log as select event, recordtime as record_time, remotehost as remote_host, remoteport as remote_port,
    pid as session_id, dbname as database_name, substr(username, 1, 50) as user_name, authmethod as auth_method, duration,
    '' as ssl_version, '' as ssl_cipher, 0 as mtu, '' as ssl_compression, '' as ssl_expansion, '' as iam_auth_guid,
    application_name, '' as driver_version, '' as os_version, '' as plugin_name, 0 as protocol_version,
    sessionid as global_session_id from connection_row;
