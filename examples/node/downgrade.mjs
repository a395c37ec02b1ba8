// The code under test: replace it by yours.
import { BatchUpdateUserCommand, paginateListUsers } from "@aws-sdk/client-chime";

// downgrade gives each user of an account a Basic license. It returns the ids of those who were
// refused.
export async function downgrade(client, AccountId) {
  let left = [];
  for await (const page of paginateListUsers({ client }, { AccountId })) left.push(...page.Users.map((u) => u.UserId));
  for (let tries = 0; tries < 3 && left.length > 0; tries++) {
    const UpdateUserRequestItems = left.map((UserId) => ({ UserId, LicenseType: "Basic" }));
    const { UserErrors } = await client.send(new BatchUpdateUserCommand({ AccountId, UpdateUserRequestItems }));
    left = UserErrors.map((e) => e.UserId);
  }
  return left;
}
