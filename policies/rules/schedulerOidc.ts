import { scheduler } from "./common/kinds.ts";
import { on, resourceRule } from "./common/rule.ts";
import { isSet, isUnknown, known } from "./common/unknown.ts";

export const schedulerOidc = resourceRule(
  {
    name: "scheduler-oidc",
    severity: "critical",
    description:
      "The scheduler calls with an OIDC token whose audience is the service's address: without it the service refuses every call. Google's own API alone is called with an access token.",
    remedy:
      "Set httpTarget.oidcToken with serviceAccountEmail and audience: service.uri (without a path); oauthToken where *.googleapis.com is called",
  },
  on(
    scheduler,
    ({ httpTarget }) =>
      httpTarget &&
      !httpTarget.oidcToken &&
      !callsGoogle(httpTarget) &&
      "The job calls without an OIDC token",
    ({ httpTarget }) =>
      httpTarget?.oauthToken &&
      !isSet(() => httpTarget.oauthToken?.serviceAccountEmail) &&
      "The token has no account",
    ({ httpTarget }) =>
      httpTarget?.oidcToken &&
      !isSet(() => httpTarget.oidcToken?.serviceAccountEmail) &&
      "The token has no account",
    ({ httpTarget }) => httpTarget?.oidcToken && wrongAudience(httpTarget),
  ),
);

/** An access token is good for whatever its account may do: it goes to Google and nowhere else. */
function callsGoogle(target: HttpTarget): boolean {
  if (!target.oauthToken) return false;
  const called = known(() => target.uri);
  return called === undefined || /^https:\/\/[a-z0-9-]+\.googleapis\.com\//.test(called);
}

interface HttpTarget {
  readonly oauthToken?: object | undefined;
  readonly uri?: string;
  readonly oidcToken?: { readonly audience?: string | undefined } | undefined;
}

/** A whole audience is the origin of the URI that is called; unset, it would be the URI with its path. */
function wrongAudience(target: HttpTarget): string | undefined {
  if (!isSet(() => target.oidcToken?.audience)) return "The token's audience isn't set";
  const audience = known(() => target.oidcToken?.audience);
  if (audience === undefined) return undefined;
  if (!URL.canParse(audience) || new URL(audience).origin !== audience) {
    return `The token's audience ${audience} is no origin (scheme and host alone)`;
  }
  if (isUnknown(() => target.uri)) {
    return `The token's audience ${audience} is a constant, but the address that is called isn't known before it is made`;
  }
  const called = known(() => target.uri) ?? "";
  const origin = URL.canParse(called) ? new URL(called).origin : called;
  return origin === audience ? undefined : `The token's audience is ${audience}, but ${origin} is called`;
}
