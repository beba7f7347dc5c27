/**
 * Who signed a handshake (Signature Version 4): API Gateway has checked the signature, and says whose
 * it is. Names are made so that nobody can choose another's:
 *
 * | of | user |
 * |---|---|
 * | an identity of a Cognito identity pool | its id, `eu-west-1:…` |
 * | an IAM user | its name; unique in the account, and without `:` |
 * | a role | `role:session`; the session is named by whoever takes the role |
 * | another kind | refused |
 */
import type { Signer } from '../../broker/ports.ts';
import type { Recognised } from './recognised.ts';

/** Undefined: a signature of nobody who can be named. */
export function signerOf(signer: Signer): Recognised | undefined {
  const { userArn, accountId, accessKey, cognitoIdentityId } = signer;
  const [, kind = '', path = ''] =
    /^arn:[\w-]+:(?:iam|sts)::\d*:([\w-]+)\/(.+)$/.exec(userArn ?? '') ?? [];
  const names = path.split('/');
  const [role, session] = kind === 'assumed-role' ? [names[0], names.at(-1)] : [];
  const named = kind === 'user' ? names.at(-1) : role && session ? `${role}:${session}` : undefined;
  const user = cognitoIdentityId || named;
  if (!user) return undefined;
  const claims = { accountId, userArn, role, cognitoIdentityId };
  const given = Object.entries(claims).filter(([, value]) => Boolean(value));
  return {
    user,
    ...(accessKey ? { tokenId: accessKey } : {}),
    claims: { sub: user, ...Object.fromEntries(given) },
  };
}
