-- One service's database and roles, for psql: -v service=wallet -v owner_password=... -v app_password=...
-- <service>_owner owns the tables and runs migrations; <service>_app may only do what migrations grant.
-- With -v audit_password=... also <service>_audit, for boxoffice-admin audit: reads every table, writes none.
-- Safe to repeat.
\set owner :service _owner
\set app :service _app
SELECT format('CREATE ROLE %I LOGIN', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'app')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"app" PASSWORD :'app_password';
-- Nothing waits for ever, whoever connects (PostgreSQL's own defaults are no limit at all).
ALTER ROLE :"app" SET statement_timeout = '10s';
ALTER ROLE :"app" SET lock_timeout = '5s';
ALTER ROLE :"app" SET idle_in_transaction_session_timeout = '15s';
SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"service" TO :"app";
\connect :"service"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
\if :{?audit_password}
\set audit :service _audit
SELECT format('CREATE ROLE %I LOGIN', :'audit')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'audit') \gexec
ALTER ROLE :"audit" PASSWORD :'audit_password';
ALTER ROLE :"audit" SET lock_timeout = '5s';
-- The audit brings rows together in temporary tables of its own session.
GRANT CONNECT, TEMPORARY ON DATABASE :"service" TO :"audit";
GRANT USAGE ON SCHEMA public TO :"audit";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"audit";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"audit";
\endif
