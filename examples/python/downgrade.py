"""The code under test: replace it by yours."""


def downgrade(chime, account_id):
    """Gives each user of an account a Basic license. Returns the ids of those who were refused."""
    pages = chime.get_paginator("list_users").paginate(AccountId=account_id)
    left = [user["UserId"] for page in pages for user in page["Users"]]
    for _ in range(3):
        if not left:
            break
        reply = chime.batch_update_user(
            AccountId=account_id,
            UpdateUserRequestItems=[{"UserId": user, "LicenseType": "Basic"} for user in left],
        )
        left = [error["UserId"] for error in reply["UserErrors"]]
    return left
