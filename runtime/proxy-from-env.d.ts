declare module "proxy-from-env" {
  /** The proxy of a URL by the environment; empty without one. A value without a scheme gets the URL's own. */
  export function getProxyForUrl(url: string | URL): string;
}
