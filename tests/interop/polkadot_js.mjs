// polkadot-js and polkadot-api against the development chain: reads, transfers, subscriptions, refusals.
//
// Run from a directory where both are installed, against a chain whose block time is at most a second:
// `node polkadot_js.mjs ws://127.0.0.1:9944`. Prints one line per check; fails on the first that does not hold.
// Uses the public development keys.

import { ApiPromise, HttpProvider, Keyring, WsProvider } from '@polkadot/api';
import { merkleizeMetadata } from '@polkadot-api/merkleize-metadata';
import { createClient } from 'polkadot-api';
import { getPolkadotSigner, withMetadataHash } from 'polkadot-api/signer';
import { getWsProvider } from 'polkadot-api/ws';
import { WebSocket } from 'ws';

const URL = process.argv[2];
const PATIENCE = 120_000; // milliseconds for everything
const TOKEN = { decimals: 9, tokenSymbol: 'TAO' };

function check(what, holds, seen) {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${what}: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`);
  if (!holds) process.exit(1);
}

/** The first `count` values that `subscribe` brings. */
function first(count, subscribe) {
  return new Promise((resolve, reject) => {
    const seen = [];
    subscribe((value) => seen.push(value) === count && resolve(seen)).catch(reject);
  });
}

setTimeout(() => check('ends in time', false, `${PATIENCE} ms are over`), PATIENCE).unref();
const keys = new Keyring({ type: 'sr25519' });
const [alice, bob, ferdie] = ['//Alice', '//Bob', '//Ferdie'].map((uri) => keys.addFromUri(uri));

const api = await ApiPromise.create({ provider: new WsProvider(URL), noInitWarn: true, throwOnConnect: true });

/** Signs and sends; the statuses up to finality, the names of the events and the dispatch error, if any. */
function send(call, signer, options = {}) {
  return new Promise((resolve, reject) => {
    const statuses = [];
    call
      .signAndSend(signer, options, ({ status, events, dispatchError, isError }) => {
        statuses.push(status.type);
        if (!status.isFinalized && !isError) return;
        const names = events.map(({ event }) => `${event.section}.${event.method}`);
        resolve({ statuses, names, block: status.isFinalized && status.asFinalized.toHex(), dispatchError });
      })
      .catch(reject);
  });
}

const pay = (amount) => api.tx.balances.transferKeepAlive(ferdie.address, amount);
const free = async () => (await api.query.system.account(ferdie.address)).data.free.toBigInt();

const chain = [(await api.rpc.system.chain()).toString(), api.registry.chainSS58, api.registry.chainTokens[0]];
check('polkadot-js names the chain', chain.join() === 'Bittensor,42,TAO', chain);
check('its runtime API has our names', 'subnetInfoRuntimeApi' in api.call, Object.keys(api.call).length);
const subnet = (await api.call.subnetInfoRuntimeApi.getSubnetInfoV2(1)).unwrap();
check('a runtime API answers', subnet.netuid.toNumber() === 1, subnet.tempo.toHuman());

const { partialFee } = await pay(1).paymentInfo(alice);
check('a fee is told', partialFee.toBigInt() > 0n, partialFee.toString());
const before = await free();
const paid = await send(pay(1_000_000_000), alice);
check('a transfer is watched to finality', paid.statuses.at(-1) === 'Finalized', paid.statuses);
check('its events are told', paid.names.includes('balances.Transfer'), paid.names);
const after = await free();
check('it was paid', after === before + 1_000_000_000n, after.toString());
const { block } = await api.rpc.chain.getBlock(paid.block);
const methods = block.extrinsics.map(({ method }) => `${method.section}.${method.method}`);
check('its block decodes', methods[0] === 'timestamp.set' && methods.at(-1) === 'balances.transferKeepAlive', methods);
for (const options of [{ era: 0 }, { era: 8 }, { era: 128 }, { tip: 12_345 }, { nonce: -1 }]) {
  const { statuses } = await send(pay(1), alice, options);
  check(`with ${JSON.stringify(options)}`, statuses.at(-1) === 'Finalized', statuses);
}
const batch = await send(api.tx.utility.batchAll([pay(1), api.tx.system.remark('0x00')]), alice);
check('a batch', batch.names.includes('utility.BatchCompleted'), batch.statuses);
// As hardware wallets sign: over a digest of the metadata, which the chain makes of what it serves.
const served = (await api.call.metadata.metadataAtVersion(15)).unwrap().toHex();
const digest = Buffer.from(merkleizeMetadata(served, TOKEN).digest());
const covering = (bytes) => ({ mode: 1, metadataHash: `0x${bytes.toString('hex')}` });
const covered = await send(pay(1), alice, covering(digest));
check('with the digest of the metadata', covered.statuses.at(-1) === 'Finalized', covered.statuses);
const other = digest.map((byte) => byte ^ 1);
const failed = await send(api.tx.balances.transferAllowDeath(ferdie.address, 10n ** 18n), alice);
check('a failing call says why', failed.dispatchError !== undefined, failed.dispatchError?.toString());
const nonce = (await api.rpc.system.accountNextIndex(bob.address)).toNumber();
const later = send(pay(1), bob, { nonce: nonce + 1 });
const [second, sooner] = await Promise.all([later, send(pay(1), bob, { nonce })]);
check('a gap of nonces closes', [second, sooner].every(({ block }) => block), second.statuses);
for (const type of ['ed25519', 'ecdsa']) {
  const signer = new Keyring({ type }).addFromUri('//Alice');
  await send(api.tx.balances.transferKeepAlive(signer.address, 1_000_000_000), alice);
  const { statuses } = await send(pay(1), signer);
  check(`a signature of ${type}`, statuses.at(-1) === 'Finalized', statuses);
}

for (const [what, call, signer, options, words] of [
  ['an old nonce', pay(1), alice, { nonce: 0 }, '1010: Invalid Transaction: Transaction is outdated'],
  ['an empty account', pay(1), keys.addFromUri('//Nobody'), {}, '1010: Invalid Transaction: Inability to pay some fees'],
  ['another digest', pay(1), alice, covering(other), '1010: Invalid Transaction: Transaction has a bad signature'],
  ['sudo by another', api.tx.sudo.sudo(pay(1)), bob, {}, '1010: Invalid Transaction: Invalid signing address'],
]) {
  const refused = await send(call, signer, options).then(() => 'nothing', ({ message }) => message);
  check(`${what} is refused`, refused.startsWith(words), refused);
}

const heads = await first(3, (tell) => api.rpc.chain.subscribeNewHeads(({ number }) => tell(number.toNumber())));
check('heads follow each other', heads[1] === heads[0] + 1 && heads[2] === heads[0] + 2, heads);
const times = await first(3, (tell) => api.query.timestamp.now((now) => tell(now.toNumber())));
check('storage is followed', times[0] < times[1] && times[1] < times[2], times);
const accounts = await api.query.system.account.entries();
const page = await api.query.system.account.entriesPaged({ args: [], pageSize: 2 });
check('maps are listed whole and by page', accounts.length > 6 && page.length === 2, accounts.length);
const past = await api.at(paid.block);
check('the past is read', (await past.query.system.events()).length >= paid.names.length, paid.block);
const proof = await api.rpc.state.getReadProof([api.query.system.number.key()]);
check('storage is proven', proof.proof.length > 0, proof.proof.length);
await api.disconnect();
const http = new HttpProvider(URL.replace('ws://', 'http://'));
check('HTTP answers too', (await http.send('system_chain', [])) === 'Bittensor', http.endpoint ?? URL);

const client = createClient(getWsProvider(URL, { websocketClass: WebSocket }));
const unsafe = client.getUnsafeApi();
const account = await unsafe.query.System.Account.getValue(alice.address);
check('polkadot-api reads storage', account.data.free > 0n, account.data.free.toString());
const cost = await unsafe.apis.SubnetRegistrationRuntimeApi.get_network_registration_cost();
check('it calls the runtime', cost > 0n, cost.toString());
const signer = getPolkadotSigner(bob.publicKey, 'Sr25519', (payload) => bob.sign(payload));
const dest = { type: 'Id', value: ferdie.address };
const sent = await unsafe.tx.Balances.transfer_keep_alive({ dest, value: 5n }).signAndSubmit(signer);
check('its transfer lands', sent.ok && sent.events.length > 0, sent.block.number);
const hardware = withMetadataHash(TOKEN, signer);
const covers = await unsafe.tx.Balances.transfer_keep_alive({ dest, value: 5n }).signAndSubmit(hardware);
check('one that covers the digest lands', covers.ok, covers.block.number);
client.destroy();
process.exit(0);
