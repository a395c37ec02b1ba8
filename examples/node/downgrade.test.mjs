// Tests of downgrade.mjs. Run them with: npm install && npm test
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { CreateAccountCommand, InviteUsersCommand, ListUsersCommand } from "@aws-sdk/client-chime";
import { downgrade } from "./downgrade.mjs";
import { client, service } from "./service.mjs";

let AccountId;

// Each test begins with an account of two people, no faults, and the time of the machine.
beforeEach(async () => {
  await service("POST", "reset");
  ({ AccountId } = (await client.send(new CreateAccountCommand({ Name: "Acme" }))).Account);
  await client.send(new InviteUsersCommand({ AccountId, UserEmailList: ["ana@example.com", "bo@example.com"] }));
});

async function licenses() {
  const { Users } = await client.send(new ListUsersCommand({ AccountId }));
  return Users.map((u) => u.LicenseType);
}

test("everybody gets Basic", async () => {
  assert.deepEqual(await downgrade(client, AccountId), []);
  assert.deepEqual(await licenses(), ["Basic", "Basic"]);
});

test("a refused user is tried again", async () => {
  const effect = { code: "Throttled" };
  await service("POST", "faults", [{ operation: "BatchUpdateUser", user: "ana@example.com", where: "item", count: 1, effect }]);
  assert.deepEqual(await downgrade(client, AccountId), []);
  assert.deepEqual(await licenses(), ["Basic", "Basic"]);
  assert.equal((await service("GET", "faults"))[0].fired, 1);
});

// The work is done, and the connection breaks before the reply. The SDK sends the call again.
test("a lost reply does no harm", async () => {
  const effect = { connection: "reset" };
  await service("POST", "faults", [{ operation: "BatchUpdateUser", where: "after", count: 1, effect }]);
  assert.deepEqual(await downgrade(client, AccountId), []);
  assert.deepEqual(await licenses(), ["Basic", "Basic"]);
  assert.equal((await service("GET", "faults"))[0].fired, 1);
});

test("a user who is always refused is reported", async () => {
  const effect = { code: "Forbidden" };
  await service("POST", "faults", [{ operation: "BatchUpdateUser", user: "bo@example.com", where: "item", effect }]);
  assert.equal((await downgrade(client, AccountId)).length, 1);
  assert.deepEqual(await licenses(), ["Basic", "Pro"]);
});
