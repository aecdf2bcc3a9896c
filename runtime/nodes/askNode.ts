/** An HTTP answer: its JSON, or only its status where that is 404. */
export type NodeAnswer = { readonly status: 200; readonly json: unknown } | { readonly status: 404 };

/** Asks a beacon node: `path` is added to its URL's path. Throws UserError. */
export type AskNode = (path: string) => Promise<NodeAnswer>;
