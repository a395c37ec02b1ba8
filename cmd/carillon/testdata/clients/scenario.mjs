// The scenario of clients_test.go, told by the AWS SDK for JavaScript. It ends with an error at the
// first answer that is not as it should be.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

// The SDK is where NODE_PATH says, which import does not read.
const sdk = createRequire(process.env.NODE_PATH + "/")("@aws-sdk/client-chime");
const client = new sdk.ChimeClient({});
const call = (name, input) => client.send(new sdk[name + "Command"](input));
const listUsers = async (AccountId) => {
  const users = [];
  for await (const page of sdk.paginateListUsers({ client, pageSize: 2 }, { AccountId })) users.push(...page.Users);
  return users;
};

// A Team account, from its creation to its end.
const { Account } = await call("CreateAccount", { Name: "From JavaScript" });
assert.equal(Account.AccountType, "Team");
assert.ok(Account.CreatedTimestamp instanceof Date);
const AccountId = Account.AccountId;

const emails = ["a", "b", "c"].map((name) => `${name}-${AccountId}@example.net`);
const { Invites } = await call("InviteUsers", { AccountId, UserEmailList: emails });
assert.deepEqual(Invites.map((i) => i.Status), ["Pending", "Pending", "Pending"]);
const users = await listUsers(AccountId);
assert.deepEqual(users.map((u) => u.PrimaryEmail), emails);

const { UserErrors } = await call("BatchUpdateUser", {
  AccountId,
  UpdateUserRequestItems: [
    { UserId: users[0].UserId, LicenseType: "Basic" },
    { UserId: "nobody", LicenseType: "Basic" },
    { UserId: users[1].UserId, LicenseType: "Plus" },
  ],
});
assert.deepEqual(UserErrors.map((e) => [e.UserId, e.ErrorCode]), [["nobody", "NotFound"], [users[1].UserId, "BadRequest"]]);
const { User } = await call("GetUser", { AccountId, UserId: users[0].UserId });
assert.equal(User.LicenseType, "Basic");

await call("UpdateAccountSettings", { AccountId, AccountSettings: { DisableRemoteControl: true } });
const { AccountSettings } = await call("GetAccountSettings", { AccountId });
assert.deepEqual(AccountSettings, { DisableRemoteControl: true, EnableDialOut: false });

await call("BatchSuspendUser", { AccountId, UserIdList: users.map((u) => u.UserId) });
assert.deepEqual(await listUsers(AccountId), []);
await call("DeleteAccount", { AccountId });
await assert.rejects(call("GetAccount", { AccountId }), (e) => e instanceof sdk.NotFoundException && e.$metadata.httpStatusCode === 404);

// An Enterprise account, whose people the operator has registered.
const enterprise = process.env.ENTERPRISE;
const people = await listUsers(enterprise);
assert.deepEqual(people.map((u) => u.UserRegistrationStatus), ["Registered", "Registered", "Registered"]);
const UserIdList = [people[0].UserId];
await call("BatchSuspendUser", { AccountId: enterprise, UserIdList });
assert.equal((await call("GetUser", { AccountId: enterprise, UserId: UserIdList[0] })).User.UserRegistrationStatus, "Suspended");
await call("BatchUnsuspendUser", { AccountId: enterprise, UserIdList });
assert.equal((await call("GetUser", { AccountId: enterprise, UserId: UserIdList[0] })).User.UserRegistrationStatus, "Registered");

// A room of it: who is in it, with which role, and its end.
const request = { AccountId: enterprise, Name: "From JavaScript", ClientRequestToken: "from-javascript" };
const { Room } = await call("CreateRoom", request);
assert.equal((await call("CreateRoom", request)).Room.RoomId, Room.RoomId); // as after a lost reply
const room = { AccountId: enterprise, RoomId: Room.RoomId };
const { Errors } = await call("BatchCreateRoomMembership", {
  ...room,
  MembershipItemList: [{ MemberId: people[0].UserId, Role: "Administrator" }, { MemberId: people[1].UserId }, { MemberId: "nobody" }],
});
assert.deepEqual(Errors.map((e) => [e.MemberId, e.ErrorCode]), [["nobody", "NotFound"]]);
const listMembers = async () => (await call("ListRoomMemberships", room)).RoomMemberships.map((m) => [m.Member.Email, m.Role]);
assert.deepEqual(await listMembers(), [[people[0].PrimaryEmail, "Administrator"], [people[1].PrimaryEmail, "Member"]]);
await call("DeleteRoomMembership", { ...room, MemberId: people[0].UserId });
const { RoomMembership } = await call("UpdateRoomMembership", { ...room, MemberId: people[1].UserId, Role: "Administrator" });
assert.ok(RoomMembership.UpdatedTimestamp instanceof Date);
assert.deepEqual(await listMembers(), [[people[1].PrimaryEmail, "Administrator"]]);
await call("DeleteRoom", room);
await assert.rejects(call("GetRoom", room), sdk.NotFoundException);

// A bot of it: where its events go, and its token.
const { Bot } = await call("CreateBot", { AccountId: enterprise, DisplayName: "JavaScript" });
const bot = { AccountId: enterprise, BotId: Bot.BotId };
await call("PutEventsConfiguration", { ...bot, LambdaFunctionArn: "arn:aws:lambda:us-east-1:111122223333:function:lunch" });
assert.deepEqual((await call("GetEventsConfiguration", bot)).EventsConfiguration,
  { BotId: Bot.BotId, LambdaFunctionArn: "arn:aws:lambda:us-east-1:111122223333:function:lunch" });
await call("DeleteEventsConfiguration", bot);
await assert.rejects(call("GetEventsConfiguration", bot), sdk.NotFoundException);
assert.notEqual((await call("RegenerateSecurityToken", bot)).Bot.SecurityToken, Bot.SecurityToken);
await call("UpdateBot", { ...bot, Disabled: true });
assert.equal((await call("ListBots", { AccountId: enterprise, MaxResults: 99 })).Bots.find((b) => b.BotId === Bot.BotId).Disabled, true);

// A number: searched, ordered, given to somebody, taken back and deleted.
const until = async (what, fn) => {
  for (const end = Date.now() + 60_000; Date.now() < end; ) if (await fn()) return;
  assert.fail("waited in vain for " + what);
};
const { E164PhoneNumbers } = await call("SearchAvailablePhoneNumbers", { AreaCode: "206", MaxResults: 1 });
assert.equal(E164PhoneNumbers.length, 1);
const PhoneNumberId = E164PhoneNumbers[0];
const { PhoneNumberOrder } = await call("CreatePhoneNumberOrder", { ProductType: "BusinessCalling", E164PhoneNumbers });
const { PhoneNumberOrderId } = PhoneNumberOrder;
await until("the order", async () => (await call("GetPhoneNumberOrder", { PhoneNumberOrderId })).PhoneNumberOrder.Status === "Successful");
const ana = { AccountId: enterprise, UserId: people[0].UserId };
await call("AssociatePhoneNumberWithUser", { ...ana, E164PhoneNumber: PhoneNumberId });
assert.equal((await call("GetUser", ana)).User.PrimaryProvisionedNumber, PhoneNumberId);
await assert.rejects(call("DeletePhoneNumber", { PhoneNumberId }), sdk.BadRequestException);
await call("DisassociatePhoneNumberFromUser", ana);
await call("DeletePhoneNumber", { PhoneNumberId });
const { PhoneNumber } = await call("GetPhoneNumber", { PhoneNumberId });
assert.equal(PhoneNumber.Status, "DeleteInProgress");
assert.ok(PhoneNumber.DeletionTimestamp instanceof Date);

// The bot in a room: it hears who mentions it, and answers. What was said is kept for a time, and
// one message is redacted.
await call("UpdateBot", { ...bot, Disabled: false });
await call("PutEventsConfiguration", { ...bot, OutboundEventsHTTPSEndpoint: process.env.BOT_URL + "/js" });
const talk = { AccountId: enterprise, RoomId: (await call("CreateRoom", { AccountId: enterprise, Name: "With a bot" })).Room.RoomId };
await call("CreateRoomMembership", { ...talk, MemberId: ana.UserId });
const { RoomMembership: invited } = await call("CreateRoomMembership", { ...talk, MemberId: Bot.BotId });
assert.equal(invited.Member.MemberType, "Bot");
const carillon = (...words) => JSON.parse(execFileSync("carillon", ["message", ...words, "--account-id", enterprise, "--room", talk.RoomId]));
const { MessageId } = carillon("add", "--sender", ana.UserId, `@${Bot.BotEmail}: hello`);
const said = () => carillon("list", "--output", "json").Messages;
await until("the answer", () => said().some((m) => m.Content?.startsWith("You said")));
await call("PutRetentionSettings", { AccountId: enterprise, RetentionSettings: { ConversationRetentionSettings: { RetentionDays: 90 } } });
const { RetentionSettings } = await call("GetRetentionSettings", { AccountId: enterprise });
assert.equal(RetentionSettings.ConversationRetentionSettings.RetentionDays, 90);
await call("RedactRoomMessage", { ...talk, MessageId });
assert.deepEqual(said().map((m) => m.Redacted), [true, false]);
await call("DeleteRoom", talk);
