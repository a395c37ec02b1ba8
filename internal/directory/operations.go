package directory

// operation is what an audit record says was done. A change has one, and it can only be one that is
// declared below, so [Operations] is complete.
type operation struct{ name string }

var operations []operation

func declare(name string) operation {
	operations = append(operations, operation{name})
	return operations[len(operations)-1]
}

// Operations returns the names that audit records have for what was done: those of the operations
// of the API that change something, those of what the service does by itself, those by which bulk
// jobs tell of themselves, those of signing in, and those of what only an operator can do.
func Operations() []string {
	names := make([]string, len(operations))
	for i, o := range operations {
		names[i] = o.name
	}
	return names
}

// The operations of the API. The names are in the databases of people: none may change.
var (
	opAssociatePhoneNumberWithUser                = declare("AssociatePhoneNumberWithUser")
	opAssociateSigninDelegateGroupsWithAccount    = declare("AssociateSigninDelegateGroupsWithAccount")
	opBatchCreateRoomMembership                   = declare("BatchCreateRoomMembership")
	opBatchDeletePhoneNumber                      = declare("BatchDeletePhoneNumber")
	opBatchSuspendUser                            = declare("BatchSuspendUser")
	opBatchUnsuspendUser                          = declare("BatchUnsuspendUser")
	opBatchUpdatePhoneNumber                      = declare("BatchUpdatePhoneNumber")
	opBatchUpdateUser                             = declare("BatchUpdateUser")
	opCreateAccount                               = declare("CreateAccount")
	opCreateBot                                   = declare("CreateBot")
	opCreatePhoneNumberOrder                      = declare("CreatePhoneNumberOrder")
	opCreateMeetingDialOut                        = declare("CreateMeetingDialOut")
	opCreateRoom                                  = declare("CreateRoom")
	opCreateRoomMembership                        = declare("CreateRoomMembership")
	opCreateUser                                  = declare("CreateUser")
	opDeleteAccount                               = declare("DeleteAccount")
	opDeleteEventsConfiguration                   = declare("DeleteEventsConfiguration")
	opDeletePhoneNumber                           = declare("DeletePhoneNumber")
	opDeleteRoom                                  = declare("DeleteRoom")
	opDeleteRoomMembership                        = declare("DeleteRoomMembership")
	opDisassociatePhoneNumberFromUser             = declare("DisassociatePhoneNumberFromUser")
	opDisassociateSigninDelegateGroupsFromAccount = declare("DisassociateSigninDelegateGroupsFromAccount")
	opInviteUsers                                 = declare("InviteUsers")
	opPutEventsConfiguration                      = declare("PutEventsConfiguration")
	opPutRetentionSettings                        = declare("PutRetentionSettings")
	opRedactConversationMessage                   = declare("RedactConversationMessage")
	opRedactRoomMessage                           = declare("RedactRoomMessage")
	opRegenerateSecurityToken                     = declare("RegenerateSecurityToken")
	opResetPersonalPIN                            = declare("ResetPersonalPIN")
	opRestorePhoneNumber                          = declare("RestorePhoneNumber")
	opUpdateAccount                               = declare("UpdateAccount")
	opUpdateAccountSettings                       = declare("UpdateAccountSettings")
	opUpdateBot                                   = declare("UpdateBot")
	opUpdateGlobalSettings                        = declare("UpdateGlobalSettings")
	opUpdatePhoneNumber                           = declare("UpdatePhoneNumber")
	opUpdatePhoneNumberSettings                   = declare("UpdatePhoneNumberSettings")
	opUpdateRoom                                  = declare("UpdateRoom")
	opUpdateRoomMembership                        = declare("UpdateRoomMembership")
	opUpdateUser                                  = declare("UpdateUser")
	opUpdateUserSettings                          = declare("UpdateUserSettings")
)

// What the service does by itself.
var (
	opDeleteRoomMessages  = declare("DeleteRoomMessages")
	opPurgeMessages       = declare("PurgeMessages")
	opPurgeSharedMessages = declare("PurgeSharedMessages")

	opFillOrder          = declare("FillOrder")
	opFinishCallingName  = declare("FinishCallingName")
	opReleasePhoneNumber = declare("ReleasePhoneNumber")
)

// What bulk jobs tell of themselves.
var (
	opBeginJob = declare("BeginJob")
	opEndJob   = declare("EndJob")
)

// What people do who sign in with an access key.
var (
	opSignIn        = declare("SignIn")
	opRefuseSignIn  = declare("RefuseSignIn")
	opSignOut       = declare("SignOut")
	opRevokeSession = declare("RevokeSession")
)

// What only an operator can do, besides making an account, which has the name of the operation of
// the API.
var (
	opSetLicenses    = declare("SetLicenses")
	opSuspendAccount = declare("SuspendAccount")
	opResumeAccount  = declare("ResumeAccount")
	opClaimDomain    = declare("ClaimDomain")
	opReleaseDomain  = declare("ReleaseDomain")
	opRegisterUser   = declare("RegisterUser")
	opFailInvitation = declare("FailInvitation")
	opImport         = declare("Import")
	opCreateKey      = declare("CreateKey")
	opDisableKey     = declare("DisableKey")
	opEnableKey      = declare("EnableKey")
	opDeleteKey      = declare("DeleteKey")
	opRotateSecret   = declare("RotateSecret")
	opForgetSecret   = declare("ForgetSecret")
	opRecoverSecret  = declare("RecoverSecret")
	opEnsureRootKey  = declare("EnsureRootKey")
	opMakeLink       = declare("MakeLink")
	opPruneAudit     = declare("PruneAudit")
	opAddMessage     = declare("AddMessage")
	opBackup         = declare("Backup")
	opRestore        = declare("Restore")

	opAddNumbers        = declare("AddNumbers")
	opRemoveNumbers     = declare("RemoveNumbers")
	opFailNumber        = declare("FailNumber")
	opRestrictNumbers   = declare("RestrictNumbers")
	opUnrestrictNumbers = declare("UnrestrictNumbers")
)
