// What the AWS SDK for JavaScript makes of faults. The test is fault_clients_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

// The SDK is where NODE_PATH says, which import does not read.
const sdk = createRequire(process.env.NODE_PATH + "/")("@aws-sdk/client-chime");
const client = new sdk.ChimeClient({});
const send = (name, input) => client.send(new sdk[name + "Command"](input));
client.middlewareStack.add((next) => (args) => {
  args.request.headers["x-carillon-test"] = "JavaScript";
  return next(args);
}, { step: "build" });
const faults = (method, body) => fetch(process.env.AWS_ENDPOINT_URL_CHIME + "/_carillon/faults", { method, body: JSON.stringify(body) })
  .then((reply) => assert.equal(reply.status, 200));
const put = (rule) => faults("PATCH", { id: "js", test: "JavaScript", ...rule });
const clear = () => faults("DELETE", [{ id: "js" }]);

const AccountId = process.env.ENTERPRISE;

// A throttled call waits as long as it is told to, and succeeds.
await put({ count: 1, effect: { code: "ThrottledClientException", retryAfter: 1 } });
const { $metadata } = await send("GetAccount", { AccountId });
assert.equal($metadata.attempts, 2);
assert.ok($metadata.totalRetryDelay >= 900, `it has waited ${$metadata.totalRetryDelay} ms`);
await clear();

// A lost reply is settled: the room is made once.
const Name = "From JavaScript, with faults";
await put({ operation: "CreateRoom", where: "after", count: 1, effect: { connection: "reset" } });
assert.equal((await send("CreateRoom", { AccountId, Name })).$metadata.attempts, 2);
const { Rooms } = await send("ListRooms", { AccountId });
assert.equal(Rooms.filter((r) => r.Name === Name).length, 1);
await clear();

// An item that fails does so alone.
const { Users } = await send("ListUsers", { AccountId });
await put({ operation: "BatchUpdateUser", user: "bo@example.org", where: "item", effect: { code: "ServiceFailure" } });
const { UserErrors } = await send("BatchUpdateUser", { AccountId, UpdateUserRequestItems: Users.map((u) => ({ UserId: u.UserId, LicenseType: "Pro" })) });
assert.deepEqual(UserErrors.map((e) => [e.UserId, e.ErrorCode]), [[Users.find((u) => u.PrimaryEmail === "bo@example.org").UserId, "ServiceFailure"]]);
await clear();
