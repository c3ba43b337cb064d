/** The `Link` header of an answer that has a next page, at the same path [RFC 8288]. */
export function linkToNext(path: string, query: URLSearchParams): { readonly link: string } {
  return { link: `<${path}?${query.toString()}>; rel="next"` };
}
