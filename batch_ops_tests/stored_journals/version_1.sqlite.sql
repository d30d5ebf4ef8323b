BEGIN TRANSACTION;
CREATE TABLE accounts (region VARCHAR(10) NOT NULL, number INTEGER NOT NULL, balance INTEGER, status VARCHAR(20), closed_at DATETIME, PRIMARY KEY (region, number), CHECK (status <> 'swept' OR balance <> 7));
INSERT INTO "accounts" VALUES('n',0,0,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',1,1,'swept','2026-11-30 18:32:30.619743');
INSERT INTO "accounts" VALUES('w',2,2,'open',NULL);
INSERT INTO "accounts" VALUES('n',3,3,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',4,4,'swept','2026-11-30 18:32:30.620658');
INSERT INTO "accounts" VALUES('w',5,5,'open',NULL);
INSERT INTO "accounts" VALUES('n',6,6,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',7,7,'open',NULL);
INSERT INTO "accounts" VALUES('w',8,8,'open',NULL);
INSERT INTO "accounts" VALUES('n',9,9,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',10,10,'swept','2026-11-30 18:32:30.622201');
INSERT INTO "accounts" VALUES('w',11,11,'open',NULL);
INSERT INTO "accounts" VALUES('n',12,12,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',13,13,'swept','2026-11-30 18:32:30.622870');
INSERT INTO "accounts" VALUES('w',14,14,'open',NULL);
INSERT INTO "accounts" VALUES('n',15,15,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',16,16,'swept','2026-11-30 18:32:30.623517');
INSERT INTO "accounts" VALUES('w',17,17,'open',NULL);
INSERT INTO "accounts" VALUES('n',18,18,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',19,19,'swept','2026-11-30 18:32:30.623517');
INSERT INTO "accounts" VALUES('w',20,20,'open',NULL);
INSERT INTO "accounts" VALUES('n',21,21,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',22,22,'swept','2026-11-30 18:32:30.623517');
INSERT INTO "accounts" VALUES('w',23,23,'open',NULL);
INSERT INTO "accounts" VALUES('n',24,24,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',25,25,'swept','2026-11-30 18:32:30.623517');
INSERT INTO "accounts" VALUES('w',26,26,'open',NULL);
INSERT INTO "accounts" VALUES('n',27,27,'swept','2026-11-30 18:32:30.609790');
INSERT INTO "accounts" VALUES('s',28,28,'swept','2026-11-30 18:32:30.623517');
INSERT INTO "accounts" VALUES('w',29,29,'open',NULL);
INSERT INTO "accounts" VALUES('n',30,30,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',31,31,'open',NULL);
INSERT INTO "accounts" VALUES('w',32,32,'open',NULL);
INSERT INTO "accounts" VALUES('n',33,33,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',34,34,'open',NULL);
INSERT INTO "accounts" VALUES('w',35,35,'open',NULL);
INSERT INTO "accounts" VALUES('n',36,36,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',37,37,'open',NULL);
INSERT INTO "accounts" VALUES('w',38,38,'open',NULL);
INSERT INTO "accounts" VALUES('n',39,39,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',40,40,'open',NULL);
INSERT INTO "accounts" VALUES('w',41,41,'open',NULL);
INSERT INTO "accounts" VALUES('n',42,42,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',43,43,'open',NULL);
INSERT INTO "accounts" VALUES('w',44,44,'open',NULL);
INSERT INTO "accounts" VALUES('n',45,45,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',46,46,'open',NULL);
INSERT INTO "accounts" VALUES('w',47,47,'open',NULL);
INSERT INTO "accounts" VALUES('n',48,48,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',49,49,'open',NULL);
INSERT INTO "accounts" VALUES('w',50,50,'open',NULL);
INSERT INTO "accounts" VALUES('n',51,51,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',52,52,'open',NULL);
INSERT INTO "accounts" VALUES('w',53,53,'open',NULL);
INSERT INTO "accounts" VALUES('n',54,54,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',55,55,'open',NULL);
INSERT INTO "accounts" VALUES('w',56,56,'open',NULL);
INSERT INTO "accounts" VALUES('n',57,57,'swept','2026-11-30 18:32:30.611424');
INSERT INTO "accounts" VALUES('s',58,58,'open',NULL);
INSERT INTO "accounts" VALUES('w',59,59,'open',NULL);
INSERT INTO "accounts" VALUES('n',60,60,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',61,61,'open',NULL);
INSERT INTO "accounts" VALUES('w',62,62,'open',NULL);
INSERT INTO "accounts" VALUES('n',63,63,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',64,64,'open',NULL);
INSERT INTO "accounts" VALUES('w',65,65,'open',NULL);
INSERT INTO "accounts" VALUES('n',66,66,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',67,67,'open',NULL);
INSERT INTO "accounts" VALUES('w',68,68,'open',NULL);
INSERT INTO "accounts" VALUES('n',69,69,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',70,70,'open',NULL);
INSERT INTO "accounts" VALUES('w',71,71,'open',NULL);
INSERT INTO "accounts" VALUES('n',72,72,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',73,73,'open',NULL);
INSERT INTO "accounts" VALUES('w',74,74,'open',NULL);
INSERT INTO "accounts" VALUES('n',75,75,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',76,76,'open',NULL);
INSERT INTO "accounts" VALUES('w',77,77,'open',NULL);
INSERT INTO "accounts" VALUES('n',78,78,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',79,79,'open',NULL);
INSERT INTO "accounts" VALUES('w',80,80,'open',NULL);
INSERT INTO "accounts" VALUES('n',81,81,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',82,82,'open',NULL);
INSERT INTO "accounts" VALUES('w',83,83,'open',NULL);
INSERT INTO "accounts" VALUES('n',84,84,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',85,85,'open',NULL);
INSERT INTO "accounts" VALUES('w',86,86,'open',NULL);
INSERT INTO "accounts" VALUES('n',87,87,'swept','2026-11-30 18:32:30.612854');
INSERT INTO "accounts" VALUES('s',88,88,'open',NULL);
INSERT INTO "accounts" VALUES('w',89,89,'open',NULL);
INSERT INTO "accounts" VALUES('n',90,90,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',91,91,'open',NULL);
INSERT INTO "accounts" VALUES('w',92,92,'open',NULL);
INSERT INTO "accounts" VALUES('n',93,93,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',94,94,'open',NULL);
INSERT INTO "accounts" VALUES('w',95,95,'open',NULL);
INSERT INTO "accounts" VALUES('n',96,96,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',97,97,'open',NULL);
INSERT INTO "accounts" VALUES('w',98,98,'open',NULL);
INSERT INTO "accounts" VALUES('n',99,99,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',100,100,'open',NULL);
INSERT INTO "accounts" VALUES('w',101,101,'open',NULL);
INSERT INTO "accounts" VALUES('n',102,102,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',103,103,'open',NULL);
INSERT INTO "accounts" VALUES('w',104,104,'open',NULL);
INSERT INTO "accounts" VALUES('n',105,105,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',106,106,'open',NULL);
INSERT INTO "accounts" VALUES('w',107,107,'open',NULL);
INSERT INTO "accounts" VALUES('n',108,108,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',109,109,'open',NULL);
INSERT INTO "accounts" VALUES('w',110,110,'open',NULL);
INSERT INTO "accounts" VALUES('n',111,111,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',112,112,'open',NULL);
INSERT INTO "accounts" VALUES('w',113,113,'open',NULL);
INSERT INTO "accounts" VALUES('n',114,114,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',115,115,'open',NULL);
INSERT INTO "accounts" VALUES('w',116,116,'open',NULL);
INSERT INTO "accounts" VALUES('n',117,117,'swept','2026-11-30 18:32:30.615290');
INSERT INTO "accounts" VALUES('s',118,118,'open',NULL);
INSERT INTO "accounts" VALUES('w',119,119,'open',NULL);
CREATE TABLE batch_chunks (
	operation_id VARCHAR(36) NOT NULL, 
	step VARCHAR(255) NOT NULL, 
	chunk INTEGER NOT NULL, 
	chunk_key VARCHAR(40) NOT NULL, 
	planned_rows BIGINT NOT NULL, 
	lower_bound TEXT, 
	upper_bound TEXT, 
	splits TEXT, 
	spacing INTEGER NOT NULL, 
	position TEXT, 
	status VARCHAR(40) NOT NULL, 
	token INTEGER NOT NULL, 
	worker VARCHAR(64), 
	batches INTEGER NOT NULL, 
	total BIGINT NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	unchanged BIGINT NOT NULL, 
	deleted BIGINT NOT NULL, 
	selected BIGINT NOT NULL, 
	not_found BIGINT NOT NULL, 
	invalid BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	skipped BIGINT NOT NULL, 
	cascaded BIGINT NOT NULL, 
	attempt TEXT, 
	started_at DATETIME, 
	completed_at DATETIME, 
	PRIMARY KEY (operation_id, step, chunk), 
	UNIQUE (operation_id, step, chunk_key)
);
INSERT INTO "batch_chunks" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,'c2d3ae06-00001',40,'{"offset":15,"row":1}','{"offset":232,"row":41}','["{\"offset\":232,\"row\":41}"]',0,'{"offset":232,"row":41}','completed',1,'a1aa1d166a6f/1',4,40,38,0,0,0,0,0,2,0,0,0,NULL,'2026-11-30 18:32:30.421077','2026-11-30 18:32:30.531417');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',1,'eb2a11c0-00001',30,NULL,'["n",87]','["[\"n\",87]"]',30,'["n",87]','completed',1,'a1aa1d166a6f/1',3,30,0,0,0,0,30,0,0,0,0,0,NULL,'2026-11-30 18:32:30.570440','2026-11-30 18:32:30.574153');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',2,'eb2a11c0-00002',30,'["n",87]','["s",58]','["[\"s\",58]"]',30,'["s",58]','completed',1,'a1aa1d166a6f/1',3,30,0,0,0,0,30,0,0,0,0,0,NULL,'2026-11-30 18:32:30.574668','2026-11-30 18:32:30.578206');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',3,'eb2a11c0-00003',30,'["s",58]','["w",29]','["[\"w\",29]"]',30,'["w",29]','completed',1,'a1aa1d166a6f/1',3,30,0,0,0,0,30,0,0,0,0,0,NULL,'2026-11-30 18:32:30.578641','2026-11-30 18:32:30.581228');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',4,'eb2a11c0-00004',30,'["w",29]','["w",119]','["[\"w\",119]"]',30,'["w",119]','completed',1,'a1aa1d166a6f/1',3,30,0,0,0,0,30,0,0,0,0,0,NULL,'2026-11-30 18:32:30.581728','2026-11-30 18:32:30.584219');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',1,'eb2a11c0-00001',30,NULL,'["n",87]','["[\"n\",87]"]',30,'["n",87]','completed',1,'a1aa1d166a6f/1',3,30,0,30,0,0,0,0,0,0,0,0,NULL,'2026-11-30 18:32:30.608016','2026-11-30 18:32:30.613517');
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',2,'eb2a11c0-00002',30,'["n",87]','["s",58]','["[\"s\",58]"]',30,'["s",28]','running',1,'a1aa1d166a6f/1',2,20,0,19,0,0,0,0,0,1,0,0,NULL,'2026-11-30 18:32:30.614045',NULL);
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',3,'eb2a11c0-00003',30,'["s",58]','["w",29]','["[\"w\",29]"]',30,NULL,'planned',0,NULL,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL);
INSERT INTO "batch_chunks" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',4,'eb2a11c0-00004',30,'["w",29]','["w",119]','["[\"w\",119]"]',30,NULL,'planned',0,NULL,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL);
CREATE TABLE batch_journal (
	version INTEGER NOT NULL
);
INSERT INTO "batch_journal" VALUES(1);
CREATE TABLE batch_notifications (
	notification_id INTEGER NOT NULL, 
	operation_id VARCHAR(36) NOT NULL, 
	event VARCHAR(40) NOT NULL, 
	channel VARCHAR(255) NOT NULL, 
	sent_at DATETIME NOT NULL, 
	success BOOLEAN NOT NULL, 
	error_message TEXT, 
	PRIMARY KEY (notification_id)
);
CREATE TABLE batch_operation_errors (
	error_id INTEGER NOT NULL, 
	operation_id VARCHAR(36) NOT NULL, 
	step VARCHAR(255) NOT NULL, 
	chunk INTEGER NOT NULL, 
	batch_number INTEGER NOT NULL, 
	row_number BIGINT, 
	record_key TEXT, 
	outcome VARCHAR(20) NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	column_name VARCHAR(255), 
	value TEXT, 
	error_message TEXT NOT NULL, 
	failed_records TEXT, 
	occurred_at DATETIME NOT NULL, 
	PRIMARY KEY (error_id)
);
INSERT INTO "batch_operation_errors" VALUES(1,'c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,1,4,'{"number":"3"}','invalid','rule','balance',NULL,'the rule does not hold: balance IS NOT NULL','{"number":"3","balance":null}','2026-11-30 18:32:30.523140');
INSERT INTO "batch_operation_errors" VALUES(2,'c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,3,24,'{"number":"23"}','invalid','rule','balance',NULL,'the rule does not hold: balance IS NOT NULL','{"number":"23","balance":null}','2026-11-30 18:32:30.530141');
INSERT INTO "batch_operation_errors" VALUES(3,'eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',2,2,NULL,'{"region":"s","number":7}','failed','23514',NULL,NULL,'CHECK constraint failed: status <> ''swept'' OR balance <> 7',NULL,'2026-11-30 18:32:30.624198');
CREATE TABLE batch_operation_logs (
	operation_id VARCHAR(36) NOT NULL, 
	step VARCHAR(255) NOT NULL, 
	chunk INTEGER NOT NULL, 
	batch_number INTEGER NOT NULL, 
	records_processed BIGINT NOT NULL, 
	total BIGINT NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	unchanged BIGINT NOT NULL, 
	deleted BIGINT NOT NULL, 
	selected BIGINT NOT NULL, 
	not_found BIGINT NOT NULL, 
	invalid BIGINT NOT NULL, 
	failed BIGINT NOT NULL, 
	skipped BIGINT NOT NULL, 
	cascaded BIGINT NOT NULL, 
	cursor_from TEXT, 
	cursor_to TEXT, 
	crc BIGINT, 
	started_at DATETIME NOT NULL, 
	completed_at DATETIME NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	PRIMARY KEY (operation_id, step, chunk, batch_number)
);
INSERT INTO "batch_operation_logs" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,1,9,10,9,0,0,0,0,0,1,0,0,0,'{"offset":15,"row":1}','{"offset":54,"row":11}',741943449,'2026-11-30 18:32:30.520114','2026-11-30 18:32:30.524037','committed');
INSERT INTO "batch_operation_logs" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,2,10,10,10,0,0,0,0,0,0,0,0,0,'{"offset":54,"row":11}','{"offset":114,"row":21}',1511693358,'2026-11-30 18:32:30.529089','2026-11-30 18:32:30.529364','committed');
INSERT INTO "batch_operation_logs" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,3,9,10,9,0,0,0,0,0,1,0,0,0,'{"offset":114,"row":21}','{"offset":172,"row":31}',1193952672,'2026-11-30 18:32:30.529873','2026-11-30 18:32:30.530317','committed');
INSERT INTO "batch_operation_logs" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,4,10,10,10,0,0,0,0,0,0,0,0,0,'{"offset":172,"row":31}','{"offset":232,"row":41}',2943396895,'2026-11-30 18:32:30.531180','2026-11-30 18:32:30.531417','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',1,1,10,10,0,0,0,0,10,0,0,0,0,0,NULL,'["n",27]',NULL,'2026-11-30 18:32:30.571766','2026-11-30 18:32:30.572387','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',1,2,10,10,0,0,0,0,10,0,0,0,0,0,'["n",27]','["n",57]',NULL,'2026-11-30 18:32:30.572835','2026-11-30 18:32:30.573427','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',1,3,10,10,0,0,0,0,10,0,0,0,0,0,'["n",57]','["n",87]',NULL,'2026-11-30 18:32:30.573749','2026-11-30 18:32:30.574153','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',2,1,10,10,0,0,0,0,10,0,0,0,0,0,'["n",87]','["n",117]',NULL,'2026-11-30 18:32:30.576430','2026-11-30 18:32:30.576865','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',2,2,10,10,0,0,0,0,10,0,0,0,0,0,'["n",117]','["s",28]',NULL,'2026-11-30 18:32:30.577202','2026-11-30 18:32:30.577550','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',2,3,10,10,0,0,0,0,10,0,0,0,0,0,'["s",28]','["s",58]',NULL,'2026-11-30 18:32:30.577873','2026-11-30 18:32:30.578206','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',3,1,10,10,0,0,0,0,10,0,0,0,0,0,'["s",58]','["s",88]',NULL,'2026-11-30 18:32:30.579240','2026-11-30 18:32:30.579557','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',3,2,10,10,0,0,0,0,10,0,0,0,0,0,'["s",88]','["s",118]',NULL,'2026-11-30 18:32:30.579833','2026-11-30 18:32:30.580381','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',3,3,10,10,0,0,0,0,10,0,0,0,0,0,'["s",118]','["w",29]',NULL,'2026-11-30 18:32:30.580695','2026-11-30 18:32:30.581228','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',4,1,10,10,0,0,0,0,10,0,0,0,0,0,'["w",29]','["w",59]',NULL,'2026-11-30 18:32:30.582352','2026-11-30 18:32:30.582671','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',4,2,10,10,0,0,0,0,10,0,0,0,0,0,'["w",59]','["w",89]',NULL,'2026-11-30 18:32:30.582963','2026-11-30 18:32:30.583316','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',4,3,10,10,0,0,0,0,10,0,0,0,0,0,'["w",89]','["w",119]',NULL,'2026-11-30 18:32:30.583589','2026-11-30 18:32:30.584219','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',1,1,10,10,0,10,0,0,0,0,0,0,0,0,NULL,'["n",27]',NULL,'2026-11-30 18:32:30.609743','2026-11-30 18:32:30.610826','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',1,2,10,10,0,10,0,0,0,0,0,0,0,0,'["n",27]','["n",57]',NULL,'2026-11-30 18:32:30.611330','2026-11-30 18:32:30.612419','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',1,3,10,10,0,10,0,0,0,0,0,0,0,0,'["n",57]','["n",87]',NULL,'2026-11-30 18:32:30.612766','2026-11-30 18:32:30.613517','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',2,1,10,10,0,10,0,0,0,0,0,0,0,0,'["n",87]','["n",117]',NULL,'2026-11-30 18:32:30.615238','2026-11-30 18:32:30.615900','committed');
INSERT INTO "batch_operation_logs" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',2,2,9,10,0,9,0,0,0,0,0,1,0,0,'["n",117]','["s",28]',NULL,'2026-11-30 18:32:30.616310','2026-11-30 18:32:30.624368','committed');
CREATE TABLE batch_operations (
	operation_id VARCHAR(36) NOT NULL, 
	short_id VARCHAR(8) NOT NULL, 
	operation VARCHAR(255) NOT NULL, 
	entity VARCHAR(255) NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	stopped_reason VARCHAR(255), 
	message TEXT, 
	control VARCHAR(20), 
	identity VARCHAR(64) NOT NULL, 
	declaration TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	options TEXT NOT NULL, 
	source TEXT, 
	source_digest VARCHAR(80), 
	checks TEXT, 
	actor VARCHAR(255), 
	via VARCHAR(40), 
	run_id VARCHAR(255), 
	moment DATETIME NOT NULL, 
	started_at DATETIME NOT NULL, 
	completed_at DATETIME, 
	total_records BIGINT, 
	processed_records BIGINT, 
	error_count BIGINT, 
	PRIMARY KEY (operation_id), 
	UNIQUE (short_id)
);
INSERT INTO "batch_operations" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','c2d3ae06','import_numbers','imported','completed_with_errors',NULL,NULL,NULL,'13d88df18fbae177b8f7ee4f1d42f77505655482226e2ce0fb88c338aebe5872','{"imported.yaml":"\nname: imported\nkey: [number]\ncreate_table: true\nfields:\n  number: integer\n  balance: integer\npatterns:\n  - name: batch_operations\n    operation: import_numbers\n    operation_type: insert\n    data_source: csv_file\n    source_path: numbers.csv\n    validation_rules: [\"balance IS NOT NULL\"]\n    batch_size: 10\n"}','{"source_path":null}','{}','numbers.csv','411073f09bc34edf2701aeeb7c32cd7bf6cfb81091572a3fba0f189eb72a54a6',NULL,'ann','python',NULL,'2026-11-30 18:32:30.327997','2026-11-30 18:32:30.327997','2026-11-30 18:32:30.548721',40,38,2);
INSERT INTO "batch_operations" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','eb2a11c0','sweep','accounts','running',NULL,NULL,NULL,'ddb48c1a62eb6de311baf7c53ec00f986673b1fbfe0711944175719173147af1','{"accounts.yaml":"\nname: accounts\nkey: [region, number]\nfields:\n  region: string(10)\n  number: integer\n  balance: integer\n  status: string(20)\n  closed_at: timestamp\npatterns:\n  - name: batch_operations\n    operation: sweep\n    batch_size: 10\n    chunk_rows: 30\n    steps:\n      - name: validate\n        operation_type: select\n        where_condition: \"status = ''open''\"\n      - name: update\n        operation_type: update\n        update_data: {status: swept, closed_at: \"NOW()\"}\n        where_condition: \"(region, number) IN (:validated_ids)\"\n      - name: cleanup\n        operation_type: delete\n        where_condition: \"status = ''swept'' AND balance < 50\"\n"}','{}','{}',NULL,NULL,NULL,'ann','python',NULL,'2026-11-30 18:32:30.556268','2026-11-30 18:32:30.556268',NULL,NULL,NULL,NULL);
CREATE TABLE "batch_output_eb2a11c0_1" ("region" VARCHAR(10) NOT NULL, "number" INTEGER NOT NULL, PRIMARY KEY ("region", "number"));
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',0);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',3);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',6);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',9);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',12);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',15);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',18);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',21);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',24);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',27);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',30);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',33);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',36);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',39);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',42);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',45);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',48);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',51);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',54);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',57);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',60);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',63);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',66);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',69);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',72);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',75);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',78);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',81);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',84);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',87);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',90);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',93);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',96);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',99);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',102);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',105);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',108);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',111);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',114);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('n',117);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',1);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',4);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',7);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',10);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',13);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',16);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',19);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',22);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',25);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',28);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',31);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',34);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',37);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',40);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',43);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',46);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',49);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',52);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',55);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',58);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',61);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',64);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',67);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',70);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',73);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',76);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',79);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',82);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',85);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',88);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',91);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',94);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',97);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',100);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',103);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',106);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',109);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',112);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',115);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('s',118);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',2);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',5);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',8);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',11);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',14);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',17);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',20);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',23);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',26);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',29);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',32);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',35);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',38);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',41);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',44);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',47);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',50);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',53);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',56);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',59);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',62);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',65);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',68);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',71);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',74);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',77);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',80);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',83);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',86);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',89);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',92);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',95);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',98);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',101);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',104);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',107);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',110);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',113);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',116);
INSERT INTO "batch_output_eb2a11c0_1" VALUES('w',119);
CREATE TABLE batch_ownership (
	table_name VARCHAR(255) NOT NULL, 
	operation_id VARCHAR(36) NOT NULL, 
	since DATETIME NOT NULL, 
	PRIMARY KEY (table_name)
);
INSERT INTO "batch_ownership" VALUES('accounts','eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','2026-11-30 18:32:30.558651');
CREATE TABLE batch_performance_metrics (
	operation_id VARCHAR(36) NOT NULL, 
	step VARCHAR(255), 
	metric_name VARCHAR(64) NOT NULL, 
	metric_value FLOAT NOT NULL, 
	recorded_at DATETIME NOT NULL
);
CREATE TABLE batch_steps (
	operation_id VARCHAR(36) NOT NULL, 
	step VARCHAR(255) NOT NULL, 
	number INTEGER NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	planned_rows BIGINT NOT NULL, 
	output_table VARCHAR(255), 
	started_at DATETIME, 
	attempt_at DATETIME, 
	busy_s FLOAT NOT NULL, 
	completed_at DATETIME, 
	PRIMARY KEY (operation_id, step)
);
INSERT INTO "batch_steps" VALUES('c2d3ae06-0040-46ae-948f-90107a49194c','insert',1,'insert','finished',40,NULL,'2026-11-30 18:32:30.411433',NULL,0.126319,'2026-11-30 18:32:30.542845');
INSERT INTO "batch_steps" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','validate',1,'select','finished',120,'batch_output_eb2a11c0_1','2026-11-30 18:32:30.567558',NULL,0.017949,'2026-11-30 18:32:30.589662');
INSERT INTO "batch_steps" VALUES('eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','update',2,'update','running',120,NULL,'2026-11-30 18:32:30.601114','2026-11-30 18:32:30.601114',0.0,NULL);
CREATE TABLE batch_workers (
	worker VARCHAR(64) NOT NULL, 
	operation_id VARCHAR(36) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	pid_started FLOAT NOT NULL, 
	application_name VARCHAR(64) NOT NULL, 
	heartbeat_at DATETIME NOT NULL, 
	heartbeat_s FLOAT NOT NULL, 
	PRIMARY KEY (worker, operation_id)
);
INSERT INTO "batch_workers" VALUES('a1aa1d166a6f','eb2a11c0-ef22-4883-b71c-f1ecd7ae3758','elsewhere',15722,1796063550.04,'batch_ops-a1aa1d166a6f','2026-11-30 18:32:30',5.0);
CREATE TABLE "imported" (
  "number" INTEGER NOT NULL,
  "balance" INTEGER,
  PRIMARY KEY ("number")
);
INSERT INTO "imported" VALUES(0,0);
INSERT INTO "imported" VALUES(1,1);
INSERT INTO "imported" VALUES(2,2);
INSERT INTO "imported" VALUES(4,4);
INSERT INTO "imported" VALUES(5,5);
INSERT INTO "imported" VALUES(6,6);
INSERT INTO "imported" VALUES(7,7);
INSERT INTO "imported" VALUES(8,8);
INSERT INTO "imported" VALUES(9,9);
INSERT INTO "imported" VALUES(10,10);
INSERT INTO "imported" VALUES(11,11);
INSERT INTO "imported" VALUES(12,12);
INSERT INTO "imported" VALUES(13,13);
INSERT INTO "imported" VALUES(14,14);
INSERT INTO "imported" VALUES(15,15);
INSERT INTO "imported" VALUES(16,16);
INSERT INTO "imported" VALUES(17,17);
INSERT INTO "imported" VALUES(18,18);
INSERT INTO "imported" VALUES(19,19);
INSERT INTO "imported" VALUES(20,20);
INSERT INTO "imported" VALUES(21,21);
INSERT INTO "imported" VALUES(22,22);
INSERT INTO "imported" VALUES(24,24);
INSERT INTO "imported" VALUES(25,25);
INSERT INTO "imported" VALUES(26,26);
INSERT INTO "imported" VALUES(27,27);
INSERT INTO "imported" VALUES(28,28);
INSERT INTO "imported" VALUES(29,29);
INSERT INTO "imported" VALUES(30,30);
INSERT INTO "imported" VALUES(31,31);
INSERT INTO "imported" VALUES(32,32);
INSERT INTO "imported" VALUES(33,33);
INSERT INTO "imported" VALUES(34,34);
INSERT INTO "imported" VALUES(35,35);
INSERT INTO "imported" VALUES(36,36);
INSERT INTO "imported" VALUES(37,37);
INSERT INTO "imported" VALUES(38,38);
INSERT INTO "imported" VALUES(39,39);
CREATE INDEX ix_batch_operations_identity ON batch_operations (identity);
CREATE INDEX ix_batch_operations_run ON batch_operations (run_id);
CREATE INDEX ix_batch_operation_errors_batch ON batch_operation_errors (operation_id, step, chunk, batch_number);
CREATE INDEX ix_batch_performance_metrics_operation_id ON batch_performance_metrics (operation_id);
CREATE INDEX ix_batch_notifications_operation_id ON batch_notifications (operation_id);
COMMIT;
