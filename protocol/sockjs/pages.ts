/** What SockJS serves without a session: the greeting, `/info`, the iframe page. */

export const GREETING = 'Welcome to SockJS!\n';

export interface Info {
  readonly websocket: boolean;
  readonly cookieNeeded: boolean;
  /** 0 to 2^32-1, new and unpredictable each time: old browsers have no chance of their own. */
  readonly entropy: number;
  /** Where the client shall go instead, for all but this request. */
  readonly baseUrl?: string;
}

export function infoText({ websocket, cookieNeeded, entropy, baseUrl }: Info): string {
  return JSON.stringify({
    websocket,
    cookie_needed: cookieNeeded,
    origins: ['*:*'],
    entropy,
    ...(baseUrl === undefined ? {} : { base_url: baseUrl }),
  });
}

/** The page by which browsers without CORS speak across domains; it loads the client anew. */
export function iframePage(sockjsUrl: string): string {
  return `<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="${sockjsUrl.replace(/["&<>]/g, encodeURIComponent)}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>`;
}
