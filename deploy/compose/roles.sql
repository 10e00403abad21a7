-- The roles of the database, for psql. Safe to repeat: it runs at every `docker compose up`, after PostgreSQL and before the migrations.
--
--   postgres               superuser; runs this file and nothing else
--   postagens              owns the database and runs the migrations
--   postagens_application  the API and the workers: rows, but no DDL, so the tables, triggers and constraints are out of its reach

\set owner_password `cat /secrets/db/owner_password`
\set application_password `cat /secrets/db/application_password`

SELECT format('CREATE ROLE %I', role)
  FROM unnest(ARRAY['postagens', 'postagens_application']) AS role
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE postagens LOGIN PASSWORD :'owner_password';
ALTER ROLE postagens_application LOGIN PASSWORD :'application_password';

-- Who owns the database may create in its schema `public`; nobody else may since PostgreSQL 15.
ALTER DATABASE postagens OWNER TO postagens;
REVOKE ALL ON DATABASE postagens FROM PUBLIC;
GRANT CONNECT ON DATABASE postagens TO postagens_application;

ALTER DEFAULT PRIVILEGES FOR ROLE postagens GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO postagens_application;
ALTER DEFAULT PRIVILEGES FOR ROLE postagens GRANT SELECT, USAGE ON SEQUENCES TO postagens_application;
