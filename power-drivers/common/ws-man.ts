import { PowerError } from '../../server/ports/power-driver.ts';
import type { HttpCall, HttpReply } from './http-call.ts';

const CIM = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/';
const ANONYMOUS = 'http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous';
const GET = 'http://schemas.xmlsoap.org/ws/2004/09/transfer/Get';
const SPACES =
  'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ' +
  'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"';
const WORDS_MAX = 200;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** An instance of a CIM class, by its selectors; a class with one instance needs none. */
export interface CimInstance {
  readonly cimClass: string;
  readonly selectors?: Readonly<Record<string, string>>;
}

/** A method of an instance with its arguments in order: texts, or other instances. DSP0226 §9.1 */
export interface CimCall extends CimInstance {
  readonly method: string;
  readonly arguments: readonly (readonly [string, string | CimInstance])[];
}

/** A conversation with a WS-Management service (DSP0226). Each answer comes as the text of its envelope. */
export interface WsMan {
  get(instance: CimInstance): Promise<HttpReply>;
  /** Gives the method's `ReturnValue`. */
  invoke(call: CimCall): Promise<number>;
}

/** Text as XML may hold it. Control characters, which it may not, are left out. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}

/**
 * The text of the first element of this local name, whatever its prefix, as one short line; nothing for one that holds other
 * elements or is not there. Reads what services really send, not all of XML: no declarations, comments or sections of data.
 */
export function xmlTextAt(xml: string, name: string): string | undefined {
  const found = new RegExp(`<(?:[\\w.-]{1,40}:)?${name}(?:\\s[^<>]{0,1000})?>([^<]{0,4000})</`).exec(xml)?.[1];
  if (found === undefined) return undefined;
  const plain = found.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w{2,4});/gi, (whole: string, entity: string) => {
    if (!entity.startsWith('#')) return ENTITIES[entity.toLowerCase()] ?? whole;
    const code = Number(entity.slice(1).replace(/^x/i, '0x'));
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
  return plain
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, WORDS_MAX);
}

/**
 * Speaks WS-Management to `url` through `call`, which knows the credentials. Throws `refused` with the service's words for a
 * fault, `busy` for one that is the service's own trouble, and whatever `call` throws.
 */
export function wsManAt(
  url: URL,
  tlsFingerprint: string | undefined,
  call: (call: HttpCall) => Promise<HttpReply>,
): WsMan {
  let messages = 0;
  const ask = async (instance: CimInstance, action: string, body: string): Promise<HttpReply> => {
    messages += 1;
    const envelope = envelopeOf({ to: url.href, instance, action, body, message: messages });
    const headers = { 'content-type': 'application/soap+xml; charset=UTF-8' };
    const reply = await call({ url, method: 'POST', headers, body: envelope, tlsFingerprint });
    if (reply.status === 200) return reply;
    const words = xmlTextAt(reply.body, 'Text') ?? xmlTextAt(reply.body, 'Value');
    const isTheirs = reply.status >= 500 && words === undefined;
    const what = action === GET ? `GET ${instance.cimClass}` : action.slice(action.lastIndexOf('/') + 1);
    const quote = words === undefined ? '' : `: ${words}`;
    throw new PowerError(
      isTheirs ? 'busy' : 'refused',
      `${url.host}: ${what} is answered HTTP ${reply.status}${quote}`,
    );
  };
  return {
    get: (instance) => ask(instance, GET, ''),
    invoke: async (called) => {
      const space = `${CIM}${called.cimClass}`;
      const inside = called.arguments.map(([name, value]) => `<p:${name}>${argumentOf(value)}</p:${name}>`).join('');
      const body = `<p:${called.method}_INPUT xmlns:p="${space}">${inside}</p:${called.method}_INPUT>`;
      const { body: answer } = await ask(called, `${space}/${called.method}`, body);
      const value = xmlTextAt(answer, 'ReturnValue');
      if (value !== undefined && /^\d{1,10}$/.test(value)) return Number(value);
      throw new PowerError('refused', `${url.host}: its answer to ${called.method} has no return value`);
    },
  };
}

function argumentOf(value: string | CimInstance): string {
  if (typeof value === 'string') return escapeXml(value);
  return `<a:Address>${ANONYMOUS}</a:Address><a:ReferenceParameters>${addressOf(value)}</a:ReferenceParameters>`;
}

function addressOf({ cimClass, selectors = {} }: CimInstance): string {
  const set = Object.entries(selectors).map(
    ([name, value]) => `<w:Selector Name="${escapeXml(name)}">${escapeXml(value)}</w:Selector>`,
  );
  const space = `<w:ResourceURI>${CIM}${cimClass}</w:ResourceURI>`;
  return set.length === 0 ? space : `${space}<w:SelectorSet>${set.join('')}</w:SelectorSet>`;
}

function envelopeOf(parts: {
  readonly to: string;
  readonly instance: CimInstance;
  readonly action: string;
  readonly body: string;
  readonly message: number;
}): string {
  const header = [
    `<a:Action>${escapeXml(parts.action)}</a:Action>`,
    `<a:To>${escapeXml(parts.to)}</a:To>`,
    addressOf(parts.instance),
    `<a:MessageID>${parts.message}</a:MessageID>`,
    `<a:ReplyTo><a:Address>${ANONYMOUS}</a:Address></a:ReplyTo>`,
    '<w:OperationTimeout>PT10S</w:OperationTimeout>',
  ].join('');
  const xml = '<?xml version="1.0" encoding="UTF-8"?>';
  return `${xml}<s:Envelope ${SPACES}><s:Header>${header}</s:Header><s:Body>${parts.body}</s:Body></s:Envelope>`;
}
