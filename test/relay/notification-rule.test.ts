import { expect, test } from 'vitest';
import { notificationRule } from '../../src/relay/notification-rule.ts';
import { configOf, UPSTREAM } from '../support/config.ts';

const owner = { localPart: 'owner', domain: 'example.org' };
const alerts = { localPart: 'alerts', domain: 'example.org' };
const stranger = { localPart: 'x', domain: 'elsewhere.example' };

test.each<[string, Record<string, string>, readonly [owner: boolean, alerts: boolean, stranger: boolean]]>([
  ['anybody, by default', {}, [true, true, true]],
  ['only whom devices may send to', { GATEPOST_ALLOW_RECIPIENTS: 'owner@example.org' }, [true, false, false]],
  [
    "the owner's own addresses, too",
    { GATEPOST_ALLOW_RECIPIENTS: 'none@example.org', GATEPOST_SENDER: 'alerts@example.org' },
    [false, true, false],
  ],
  ['BOUNCE_TO, too', { GATEPOST_ALLOW_RECIPIENTS: 'none@example.org', GATEPOST_BOUNCE_TO: 'owner@EXAMPLE.org' }, [true, false, false]],
  ['RECIPIENT alone where all mail goes there', { GATEPOST_RECIPIENT: 'owner@example.org' }, [true, false, false]],
])('%s', (_name, environment, expected) => {
  const mayBeNotified = notificationRule(configOf({ ...UPSTREAM, ...environment }));
  expect([owner, alerts, stranger].map(mayBeNotified)).toEqual(expected);
});
