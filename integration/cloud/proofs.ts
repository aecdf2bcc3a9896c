/** What `npm run test:cloud` proves; printed as not proved where it is turned off. */
export const PROOFS: readonly string[] = [
  "the GCS form passes the contract of lakes, also while its server fails, cuts, stalls and loses answers",
  "into a bucket the same bytes are published as into a folder; they are verified there, and published chunks pruned",
  "the BigQuery form passes the contract of warehouses, and loses and doubles nothing while its server fails or loses answers",
  "an ordinary load changes no row of bids or payloads and reads only its staging table and the ledger's touched range",
  "GoogleSQL's own analyzer takes every statement, view and function, with the tables' schemas and the parameters' types",
  "a tick brings of the chain what a table of blocks proves, whatever the table lost",
  "reorged is settled by hash from a table of blocks, two epochs behind its newest",
];

/** What no emulator judges, with what stands in for it. */
export const NOT_JUDGED: readonly string[] = [
  "credentials and grants: emulators ask for none",
  "conditions on deletes: the lake deletes nothing",
  "bytes billed and maximumBytesBilled: the limit stands in every query that is sent",
  "conflicts between BigQuery's transactions: the emulator's are stricter; each script's text updates the guard first",
  "required partition filters with the contract of warehouses, which asks for whole tables: its tables are made without; the truth's test has them",
  "the window of view delivered in that contract, whose clock stands still years ago: it looks back 10,000 days there",
  "pruning by literal bounds, locations that don't fit, and REQUIRED columns in load jobs: the text of what is sent, and every line is checked before",
  "load jobs of another account (403), which are waited for",
];
