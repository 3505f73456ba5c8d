// What is used of oauth4webapi. The rest of it is left out of the bundle, which it would not be if that package itself
// were imported on demand.

import {
  AuthorizationResponseError,
  authorizationCodeGrantRequest,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  calculatePKCECodeChallenge,
  clientCredentialsGrantRequest,
  customFetch,
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  generateRandomCodeVerifier,
  generateRandomState,
  genericTokenEndpointRequest,
  type AuthorizationServer as Metadata,
  None,
  OperationProcessingError,
  processDeviceAuthorizationResponse,
  processGenericTokenEndpointResponse,
  processRevocationResponse,
  ResponseBodyError,
  refreshTokenGrantRequest,
  revocationRequest,
  UnsupportedOperationError,
  validateAuthResponse,
  WWWAuthenticateChallengeError,
} from 'oauth4webapi';

/** Its functions and classes. This module is loaded on demand. */
export const library = {
  AuthorizationResponseError,
  authorizationCodeGrantRequest,
  ClientSecretBasic,
  ClientSecretPost,
  calculatePKCECodeChallenge,
  clientCredentialsGrantRequest,
  customFetch,
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  generateRandomCodeVerifier,
  generateRandomState,
  genericTokenEndpointRequest,
  None,
  OperationProcessingError,
  processDeviceAuthorizationResponse,
  processGenericTokenEndpointResponse,
  processRevocationResponse,
  ResponseBodyError,
  refreshTokenGrantRequest,
  revocationRequest,
  UnsupportedOperationError,
  validateAuthResponse,
  WWWAuthenticateChallengeError,
} as const;

/** The whole of it, as a type. */
export type Library = typeof library;
/** What the library knows of a server (RFC 8414). */
export type ServerMetadata = Metadata;
/** How the library adds who asks to a request. */
export type Authentication = ClientAuth;
