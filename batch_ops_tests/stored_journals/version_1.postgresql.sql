CREATE TABLE public.accounts (
    region character varying(10) NOT NULL,
    number integer NOT NULL,
    balance integer,
    status character varying(20),
    closed_at timestamp with time zone,
    CONSTRAINT accounts_check CHECK ((((status)::text <> 'swept'::text) OR (balance <> 7)))
);
CREATE TABLE public.batch_chunks (
    operation_id uuid NOT NULL,
    step character varying(255) NOT NULL,
    chunk integer NOT NULL,
    chunk_key character varying(40) NOT NULL,
    planned_rows bigint NOT NULL,
    lower_bound text,
    upper_bound text,
    splits text,
    spacing integer NOT NULL,
    "position" text,
    status character varying(40) NOT NULL,
    token integer NOT NULL,
    worker character varying(64),
    batches integer NOT NULL,
    total bigint NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    deleted bigint NOT NULL,
    selected bigint NOT NULL,
    not_found bigint NOT NULL,
    invalid bigint NOT NULL,
    failed bigint NOT NULL,
    skipped bigint NOT NULL,
    cascaded bigint NOT NULL,
    attempt text,
    started_at timestamp with time zone,
    completed_at timestamp with time zone
);
CREATE TABLE public.batch_journal (
    version integer NOT NULL
);
CREATE TABLE public.batch_notifications (
    notification_id bigint NOT NULL,
    operation_id uuid NOT NULL,
    event character varying(40) NOT NULL,
    channel character varying(255) NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    success boolean NOT NULL,
    error_message text
);
CREATE SEQUENCE public.batch_notifications_notification_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.batch_notifications_notification_id_seq OWNED BY public.batch_notifications.notification_id;
CREATE TABLE public.batch_operation_errors (
    error_id bigint NOT NULL,
    operation_id uuid NOT NULL,
    step character varying(255) NOT NULL,
    chunk integer NOT NULL,
    batch_number integer NOT NULL,
    row_number bigint,
    record_key text,
    outcome character varying(20) NOT NULL,
    code character varying(64) NOT NULL,
    column_name character varying(255),
    value text,
    error_message text NOT NULL,
    failed_records text,
    occurred_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.batch_operation_errors_error_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.batch_operation_errors_error_id_seq OWNED BY public.batch_operation_errors.error_id;
CREATE TABLE public.batch_operation_logs (
    operation_id uuid NOT NULL,
    step character varying(255) NOT NULL,
    chunk integer NOT NULL,
    batch_number integer NOT NULL,
    records_processed bigint NOT NULL,
    total bigint NOT NULL,
    created bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    deleted bigint NOT NULL,
    selected bigint NOT NULL,
    not_found bigint NOT NULL,
    invalid bigint NOT NULL,
    failed bigint NOT NULL,
    skipped bigint NOT NULL,
    cascaded bigint NOT NULL,
    cursor_from text,
    cursor_to text,
    crc bigint,
    started_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone NOT NULL,
    status character varying(40) NOT NULL
);
CREATE TABLE public.batch_operations (
    operation_id uuid NOT NULL,
    short_id character varying(8) NOT NULL,
    operation character varying(255) NOT NULL,
    entity character varying(255) NOT NULL,
    status character varying(40) NOT NULL,
    stopped_reason character varying(255),
    message text,
    control character varying(20),
    identity character varying(64) NOT NULL,
    declaration text NOT NULL,
    parameters text NOT NULL,
    options text NOT NULL,
    source text,
    source_digest character varying(80),
    checks text,
    actor character varying(255),
    via character varying(40),
    run_id character varying(255),
    moment timestamp with time zone NOT NULL,
    started_at timestamp with time zone NOT NULL,
    completed_at timestamp with time zone,
    total_records bigint,
    processed_records bigint,
    error_count bigint
);
CREATE TABLE public.batch_output_c11fca8a_1 (
    region character varying(10) NOT NULL,
    number integer NOT NULL
);
CREATE TABLE public.batch_ownership (
    table_name character varying(255) NOT NULL,
    operation_id uuid NOT NULL,
    since timestamp with time zone NOT NULL
);
CREATE TABLE public.batch_performance_metrics (
    operation_id uuid NOT NULL,
    step character varying(255),
    metric_name character varying(64) NOT NULL,
    metric_value double precision NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);
CREATE TABLE public.batch_steps (
    operation_id uuid NOT NULL,
    step character varying(255) NOT NULL,
    number integer NOT NULL,
    kind character varying(40) NOT NULL,
    status character varying(40) NOT NULL,
    planned_rows bigint NOT NULL,
    output_table character varying(255),
    started_at timestamp with time zone,
    attempt_at timestamp with time zone,
    busy_s double precision NOT NULL,
    completed_at timestamp with time zone
);
CREATE TABLE public.batch_workers (
    worker character varying(64) NOT NULL,
    operation_id uuid NOT NULL,
    host character varying(255) NOT NULL,
    pid integer NOT NULL,
    pid_started double precision NOT NULL,
    application_name character varying(64) NOT NULL,
    heartbeat_at timestamp with time zone NOT NULL,
    heartbeat_s double precision NOT NULL
);
CREATE TABLE public.imported (
    number integer NOT NULL,
    balance integer
);
ALTER TABLE ONLY public.batch_notifications ALTER COLUMN notification_id SET DEFAULT nextval('public.batch_notifications_notification_id_seq'::regclass);
ALTER TABLE ONLY public.batch_operation_errors ALTER COLUMN error_id SET DEFAULT nextval('public.batch_operation_errors_error_id_seq'::regclass);
INSERT INTO public.accounts VALUES ('w', 2, 2, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 5, 5, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 7, 7, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 8, 8, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 11, 11, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 14, 14, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 17, 17, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 20, 20, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 23, 23, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 26, 26, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 29, 29, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 31, 31, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 32, 32, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 34, 34, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 35, 35, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 37, 37, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 38, 38, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 40, 40, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 41, 41, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 43, 43, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 44, 44, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 46, 46, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 47, 47, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 49, 49, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 50, 50, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 52, 52, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 53, 53, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 55, 55, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 56, 56, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 58, 58, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 59, 59, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 61, 61, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 62, 62, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 64, 64, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 65, 65, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 67, 67, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 68, 68, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 70, 70, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 71, 71, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 73, 73, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 74, 74, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 76, 76, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 77, 77, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 79, 79, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 80, 80, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 82, 82, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 83, 83, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 85, 85, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 86, 86, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 88, 88, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 89, 89, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 91, 91, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 92, 92, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 94, 94, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 95, 95, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 97, 97, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 98, 98, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 100, 100, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 101, 101, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 103, 103, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 104, 104, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 106, 106, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 107, 107, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 109, 109, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 110, 110, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 112, 112, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 113, 113, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 115, 115, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 116, 116, 'open', NULL);
INSERT INTO public.accounts VALUES ('s', 118, 118, 'open', NULL);
INSERT INTO public.accounts VALUES ('w', 119, 119, 'open', NULL);
INSERT INTO public.accounts VALUES ('n', 0, 0, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 3, 3, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 6, 6, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 9, 9, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 12, 12, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 15, 15, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 18, 18, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 21, 21, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 24, 24, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 27, 27, 'swept', '2026-11-30 18:32:32.225636+00');
INSERT INTO public.accounts VALUES ('n', 30, 30, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 33, 33, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 36, 36, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 39, 39, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 42, 42, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 45, 45, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 48, 48, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 51, 51, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 54, 54, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 57, 57, 'swept', '2026-11-30 18:32:32.227721+00');
INSERT INTO public.accounts VALUES ('n', 60, 60, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 63, 63, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 66, 66, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 69, 69, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 72, 72, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 75, 75, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 78, 78, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 81, 81, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 84, 84, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 87, 87, 'swept', '2026-11-30 18:32:32.232318+00');
INSERT INTO public.accounts VALUES ('n', 90, 90, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 93, 93, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 96, 96, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 99, 99, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 102, 102, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 105, 105, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 108, 108, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 111, 111, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 114, 114, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('n', 117, 117, 'swept', '2026-11-30 18:32:32.239368+00');
INSERT INTO public.accounts VALUES ('s', 1, 1, 'swept', '2026-11-30 18:32:32.250751+00');
INSERT INTO public.accounts VALUES ('s', 4, 4, 'swept', '2026-11-30 18:32:32.252786+00');
INSERT INTO public.accounts VALUES ('s', 10, 10, 'swept', '2026-11-30 18:32:32.256631+00');
INSERT INTO public.accounts VALUES ('s', 13, 13, 'swept', '2026-11-30 18:32:32.258341+00');
INSERT INTO public.accounts VALUES ('s', 16, 16, 'swept', '2026-11-30 18:32:32.25998+00');
INSERT INTO public.accounts VALUES ('s', 19, 19, 'swept', '2026-11-30 18:32:32.25998+00');
INSERT INTO public.accounts VALUES ('s', 22, 22, 'swept', '2026-11-30 18:32:32.25998+00');
INSERT INTO public.accounts VALUES ('s', 25, 25, 'swept', '2026-11-30 18:32:32.25998+00');
INSERT INTO public.accounts VALUES ('s', 28, 28, 'swept', '2026-11-30 18:32:32.25998+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 1, 'c11fca8a-00001', 30, NULL, '["n",87]', '["[\"n\",87]"]', 30, '["n",87]', 'completed', 1, '8c941d297d32/1', 3, 30, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '2026-11-30 18:32:32.222618+00', '2026-11-30 18:32:32.233914+00');
INSERT INTO public.batch_chunks VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, '53bd1999-00001', 40, '{"offset":15,"row":1}', '{"offset":232,"row":41}', '["{\"offset\":232,\"row\":41}"]', 0, '{"offset":232,"row":41}', 'completed', 1, '8c941d297d32/1', 4, 40, 38, 0, 0, 0, 0, 0, 2, 0, 0, 0, NULL, '2026-11-30 18:32:31.864666+00', '2026-11-30 18:32:32.032936+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 2, 'c11fca8a-00002', 30, '["n",87]', '["s",58]', '["[\"s\",58]"]', 30, '["s",28]', 'running', 1, '8c941d297d32/1', 2, 20, 0, 19, 0, 0, 0, 0, 0, 1, 0, 0, NULL, '2026-11-30 18:32:32.23594+00', NULL);
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 1, 'c11fca8a-00001', 30, NULL, '["n",87]', '["[\"n\",87]"]', 30, '["n",87]', 'completed', 1, '8c941d297d32/1', 3, 30, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, NULL, '2026-11-30 18:32:32.149766+00', '2026-11-30 18:32:32.16043+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 2, 'c11fca8a-00002', 30, '["n",87]', '["s",58]', '["[\"s\",58]"]', 30, '["s",58]', 'completed', 1, '8c941d297d32/1', 3, 30, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, NULL, '2026-11-30 18:32:32.162503+00', '2026-11-30 18:32:32.170542+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 3, 'c11fca8a-00003', 30, '["s",58]', '["w",29]', '["[\"w\",29]"]', 30, '["w",29]', 'completed', 1, '8c941d297d32/1', 3, 30, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, NULL, '2026-11-30 18:32:32.172683+00', '2026-11-30 18:32:32.18003+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 4, 'c11fca8a-00004', 30, '["w",29]', '["w",119]', '["[\"w\",119]"]', 30, '["w",119]', 'completed', 1, '8c941d297d32/1', 3, 30, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, NULL, '2026-11-30 18:32:32.182091+00', '2026-11-30 18:32:32.188885+00');
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 3, 'c11fca8a-00003', 30, '["s",58]', '["w",29]', '["[\"w\",29]"]', 30, NULL, 'planned', 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL);
INSERT INTO public.batch_chunks VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 4, 'c11fca8a-00004', 30, '["w",29]', '["w",119]', '["[\"w\",119]"]', 30, NULL, 'planned', 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL);
INSERT INTO public.batch_journal VALUES (1);
INSERT INTO public.batch_operation_errors VALUES (1, '53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 1, 4, '{"number":"3"}', 'invalid', 'rule', 'balance', NULL, 'the rule does not hold: balance IS NOT NULL', '{"number":"3","balance":null}', '2026-11-30 18:32:31.988045+00');
INSERT INTO public.batch_operation_errors VALUES (2, '53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 3, 24, '{"number":"23"}', 'invalid', 'rule', 'balance', NULL, 'the rule does not hold: balance IS NOT NULL', '{"number":"23","balance":null}', '2026-11-30 18:32:32.029014+00');
INSERT INTO public.batch_operation_errors VALUES (3, 'c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 2, 2, NULL, '{"region":"s","number":7}', 'failed', '23514', NULL, NULL, 'new row for relation "accounts" violates check constraint "accounts_check"', NULL, '2026-11-30 18:32:32.261866+00');
INSERT INTO public.batch_operation_logs VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 1, 9, 10, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, '{"offset":15,"row":1}', '{"offset":54,"row":11}', 741943449, '2026-11-30 18:32:31.97352+00', '2026-11-30 18:32:31.989767+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 2, 10, 10, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{"offset":54,"row":11}', '{"offset":114,"row":21}', 1511693358, '2026-11-30 18:32:31.994255+00', '2026-11-30 18:32:32.01477+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 3, 9, 10, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, '{"offset":114,"row":21}', '{"offset":172,"row":31}', 1193952672, '2026-11-30 18:32:32.016089+00', '2026-11-30 18:32:32.029685+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 4, 10, 10, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{"offset":172,"row":31}', '{"offset":232,"row":41}', 2943396895, '2026-11-30 18:32:32.031468+00', '2026-11-30 18:32:32.032936+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 1, 1, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, NULL, '["n",27]', NULL, '2026-11-30 18:32:32.153695+00', '2026-11-30 18:32:32.155058+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 1, 2, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["n",27]', '["n",57]', NULL, '2026-11-30 18:32:32.156465+00', '2026-11-30 18:32:32.157959+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 1, 3, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["n",57]', '["n",87]', NULL, '2026-11-30 18:32:32.159192+00', '2026-11-30 18:32:32.16043+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 2, 1, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["n",87]', '["n",117]', NULL, '2026-11-30 18:32:32.165071+00', '2026-11-30 18:32:32.16615+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 2, 2, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["n",117]', '["s",28]', NULL, '2026-11-30 18:32:32.167241+00', '2026-11-30 18:32:32.168439+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 2, 3, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["s",28]', '["s",58]', NULL, '2026-11-30 18:32:32.169475+00', '2026-11-30 18:32:32.170542+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 3, 1, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["s",58]', '["s",88]', NULL, '2026-11-30 18:32:32.175076+00', '2026-11-30 18:32:32.176329+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 3, 2, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["s",88]', '["s",118]', NULL, '2026-11-30 18:32:32.177304+00', '2026-11-30 18:32:32.178209+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 3, 3, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["s",118]', '["w",29]', NULL, '2026-11-30 18:32:32.17913+00', '2026-11-30 18:32:32.18003+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 4, 1, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["w",29]', '["w",59]', NULL, '2026-11-30 18:32:32.184374+00', '2026-11-30 18:32:32.185224+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 4, 2, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["w",59]', '["w",89]', NULL, '2026-11-30 18:32:32.186075+00', '2026-11-30 18:32:32.187022+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 4, 3, 10, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, '["w",89]', '["w",119]', NULL, '2026-11-30 18:32:32.187835+00', '2026-11-30 18:32:32.188885+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 1, 1, 10, 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, NULL, '["n",27]', NULL, '2026-11-30 18:32:32.225534+00', '2026-11-30 18:32:32.226819+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 1, 2, 10, 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, '["n",27]', '["n",57]', NULL, '2026-11-30 18:32:32.227575+00', '2026-11-30 18:32:32.229439+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 1, 3, 10, 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, '["n",57]', '["n",87]', NULL, '2026-11-30 18:32:32.231964+00', '2026-11-30 18:32:32.233914+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 2, 1, 10, 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, '["n",87]', '["n",117]', NULL, '2026-11-30 18:32:32.239212+00', '2026-11-30 18:32:32.241153+00', 'committed');
INSERT INTO public.batch_operation_logs VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 2, 2, 9, 10, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, '["n",117]', '["s",28]', NULL, '2026-11-30 18:32:32.242247+00', '2026-11-30 18:32:32.262342+00', 'committed');
INSERT INTO public.batch_operations VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', '53bd1999', 'import_numbers', 'imported', 'completed_with_errors', NULL, NULL, NULL, '13d88df18fbae177b8f7ee4f1d42f77505655482226e2ce0fb88c338aebe5872', '{"imported.yaml":"\nname: imported\nkey: [number]\ncreate_table: true\nfields:\n  number: integer\n  balance: integer\npatterns:\n  - name: batch_operations\n    operation: import_numbers\n    operation_type: insert\n    data_source: csv_file\n    source_path: numbers.csv\n    validation_rules: [\"balance IS NOT NULL\"]\n    batch_size: 10\n"}', '{"source_path":null}', '{}', 'numbers.csv', '411073f09bc34edf2701aeeb7c32cd7bf6cfb81091572a3fba0f189eb72a54a6', NULL, 'ann', 'python', NULL, '2026-11-30 18:32:31.723082+00', '2026-11-30 18:32:31.723082+00', '2026-11-30 18:32:32.067804+00', 40, 38, 2);
INSERT INTO public.batch_operations VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'c11fca8a', 'sweep', 'accounts', 'running', NULL, NULL, NULL, 'ddb48c1a62eb6de311baf7c53ec00f986673b1fbfe0711944175719173147af1', '{"accounts.yaml":"\nname: accounts\nkey: [region, number]\nfields:\n  region: string(10)\n  number: integer\n  balance: integer\n  status: string(20)\n  closed_at: timestamp\npatterns:\n  - name: batch_operations\n    operation: sweep\n    batch_size: 10\n    chunk_rows: 30\n    steps:\n      - name: validate\n        operation_type: select\n        where_condition: \"status = ''open''\"\n      - name: update\n        operation_type: update\n        update_data: {status: swept, closed_at: \"NOW()\"}\n        where_condition: \"(region, number) IN (:validated_ids)\"\n      - name: cleanup\n        operation_type: delete\n        where_condition: \"status = ''swept'' AND balance < 50\"\n"}', '{}', '{}', NULL, NULL, NULL, 'ann', 'python', NULL, '2026-11-30 18:32:32.104483+00', '2026-11-30 18:32:32.104483+00', NULL, NULL, NULL, NULL);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 0);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 3);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 6);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 9);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 12);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 15);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 18);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 21);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 24);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 27);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 30);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 33);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 36);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 39);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 42);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 45);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 48);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 51);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 54);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 57);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 60);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 63);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 66);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 69);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 72);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 75);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 78);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 81);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 84);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 87);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 90);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 93);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 96);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 99);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 102);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 105);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 108);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 111);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 114);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('n', 117);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 1);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 4);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 7);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 10);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 13);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 16);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 19);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 22);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 25);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 28);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 31);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 34);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 37);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 40);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 43);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 46);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 49);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 52);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 55);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 58);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 61);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 64);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 67);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 70);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 73);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 76);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 79);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 82);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 85);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 88);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 91);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 94);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 97);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 100);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 103);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 106);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 109);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 112);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 115);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('s', 118);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 2);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 5);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 8);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 11);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 14);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 17);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 20);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 23);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 26);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 29);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 32);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 35);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 38);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 41);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 44);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 47);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 50);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 53);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 56);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 59);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 62);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 65);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 68);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 71);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 74);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 77);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 80);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 83);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 86);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 89);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 92);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 95);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 98);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 101);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 104);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 107);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 110);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 113);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 116);
INSERT INTO public.batch_output_c11fca8a_1 VALUES ('w', 119);
INSERT INTO public.batch_ownership VALUES ('accounts', 'c11fca8a-4d06-41f6-9b81-a80fa43a7eac', '2026-11-30 18:32:32.113582+00');
INSERT INTO public.batch_steps VALUES ('53bd1999-7aa8-49f1-86b8-da4de316c11e', 'insert', 1, 'insert', 'finished', 40, NULL, '2026-11-30 18:32:31.845084+00', NULL, 0.201054, '2026-11-30 18:32:32.054063+00');
INSERT INTO public.batch_steps VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'validate', 1, 'select', 'finished', 120, 'batch_output_c11fca8a_1', '2026-11-30 18:32:32.143283+00', NULL, 0.049556, '2026-11-30 18:32:32.199057+00');
INSERT INTO public.batch_steps VALUES ('c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'update', 2, 'update', 'running', 120, NULL, '2026-11-30 18:32:32.216743+00', '2026-11-30 18:32:32.216743+00', 0, NULL);
INSERT INTO public.batch_workers VALUES ('8c941d297d32', 'c11fca8a-4d06-41f6-9b81-a80fa43a7eac', 'elsewhere', 15767, 1796063551.49, 'batch_ops-8c941d297d32', '2026-11-30 18:32:32.110893+00', 5);
INSERT INTO public.imported VALUES (0, 0);
INSERT INTO public.imported VALUES (1, 1);
INSERT INTO public.imported VALUES (2, 2);
INSERT INTO public.imported VALUES (4, 4);
INSERT INTO public.imported VALUES (5, 5);
INSERT INTO public.imported VALUES (6, 6);
INSERT INTO public.imported VALUES (7, 7);
INSERT INTO public.imported VALUES (8, 8);
INSERT INTO public.imported VALUES (9, 9);
INSERT INTO public.imported VALUES (10, 10);
INSERT INTO public.imported VALUES (11, 11);
INSERT INTO public.imported VALUES (12, 12);
INSERT INTO public.imported VALUES (13, 13);
INSERT INTO public.imported VALUES (14, 14);
INSERT INTO public.imported VALUES (15, 15);
INSERT INTO public.imported VALUES (16, 16);
INSERT INTO public.imported VALUES (17, 17);
INSERT INTO public.imported VALUES (18, 18);
INSERT INTO public.imported VALUES (19, 19);
INSERT INTO public.imported VALUES (20, 20);
INSERT INTO public.imported VALUES (21, 21);
INSERT INTO public.imported VALUES (22, 22);
INSERT INTO public.imported VALUES (24, 24);
INSERT INTO public.imported VALUES (25, 25);
INSERT INTO public.imported VALUES (26, 26);
INSERT INTO public.imported VALUES (27, 27);
INSERT INTO public.imported VALUES (28, 28);
INSERT INTO public.imported VALUES (29, 29);
INSERT INTO public.imported VALUES (30, 30);
INSERT INTO public.imported VALUES (31, 31);
INSERT INTO public.imported VALUES (32, 32);
INSERT INTO public.imported VALUES (33, 33);
INSERT INTO public.imported VALUES (34, 34);
INSERT INTO public.imported VALUES (35, 35);
INSERT INTO public.imported VALUES (36, 36);
INSERT INTO public.imported VALUES (37, 37);
INSERT INTO public.imported VALUES (38, 38);
INSERT INTO public.imported VALUES (39, 39);
SELECT pg_catalog.setval('public.batch_notifications_notification_id_seq', 1, false);
SELECT pg_catalog.setval('public.batch_operation_errors_error_id_seq', 3, true);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (region, number);
ALTER TABLE ONLY public.batch_chunks
    ADD CONSTRAINT batch_chunks_operation_id_step_chunk_key_key UNIQUE (operation_id, step, chunk_key);
ALTER TABLE ONLY public.batch_chunks
    ADD CONSTRAINT batch_chunks_pkey PRIMARY KEY (operation_id, step, chunk);
ALTER TABLE ONLY public.batch_notifications
    ADD CONSTRAINT batch_notifications_pkey PRIMARY KEY (notification_id);
ALTER TABLE ONLY public.batch_operation_errors
    ADD CONSTRAINT batch_operation_errors_pkey PRIMARY KEY (error_id);
ALTER TABLE ONLY public.batch_operation_logs
    ADD CONSTRAINT batch_operation_logs_pkey PRIMARY KEY (operation_id, step, chunk, batch_number);
ALTER TABLE ONLY public.batch_operations
    ADD CONSTRAINT batch_operations_pkey PRIMARY KEY (operation_id);
ALTER TABLE ONLY public.batch_operations
    ADD CONSTRAINT batch_operations_short_id_key UNIQUE (short_id);
ALTER TABLE ONLY public.batch_output_c11fca8a_1
    ADD CONSTRAINT batch_output_c11fca8a_1_pkey PRIMARY KEY (region, number);
ALTER TABLE ONLY public.batch_ownership
    ADD CONSTRAINT batch_ownership_pkey PRIMARY KEY (table_name);
ALTER TABLE ONLY public.batch_steps
    ADD CONSTRAINT batch_steps_pkey PRIMARY KEY (operation_id, step);
ALTER TABLE ONLY public.batch_workers
    ADD CONSTRAINT batch_workers_pkey PRIMARY KEY (worker, operation_id);
ALTER TABLE ONLY public.imported
    ADD CONSTRAINT imported_pkey PRIMARY KEY (number);
CREATE INDEX ix_batch_notifications_operation_id ON public.batch_notifications USING btree (operation_id);
CREATE INDEX ix_batch_operation_errors_batch ON public.batch_operation_errors USING btree (operation_id, step, chunk, batch_number);
CREATE INDEX ix_batch_operations_identity ON public.batch_operations USING btree (identity);
CREATE INDEX ix_batch_operations_run ON public.batch_operations USING btree (run_id);
CREATE INDEX ix_batch_performance_metrics_operation_id ON public.batch_performance_metrics USING btree (operation_id);

