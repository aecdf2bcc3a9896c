/** What `npm run test:cloud` proves; printed as not proved where it is turned off. */
export const PROOFS: readonly string[] = [
  "the GCS form passes the contract of lakes, also while its server fails, cuts, stalls and loses answers",
];

/** What no emulator judges, with what stands in for it. */
export const NOT_JUDGED: readonly string[] = [
  "credentials and grants: emulators ask for none",
  "conditions on deletes: the lake deletes nothing",
];
