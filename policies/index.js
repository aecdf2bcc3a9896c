// What the policy host loads: the rules, compiled by `npm run policies`, as one pack. Constructing it starts a server.
const { PolicyPack } = require("@pulumi/policy");
const { policies } = require("./dist/rules.js");

new PolicyPack("mev-boost-etl", { policies });
