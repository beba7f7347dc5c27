/** `name/version` as CONNECTED tells it; a test holds it against package.json. */
export const SERVER = 'stompway/0.1.0';
