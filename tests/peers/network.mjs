// Bluesky's own network on this machine: its directory, a data server and the app view. Says where they are, in one line.

import { TestNetwork } from "@atproto/dev-env";

const network = await TestNetwork.create({ bsky: { dbPostgresSchema: process.env.DB_POSTGRES_SCHEMA } });
console.log(JSON.stringify({ service: network.pds.url, appview: network.bsky.url, directory: network.plc.url }));
process.on("SIGTERM", () => process.exit(0)); // nothing of it is needed again
