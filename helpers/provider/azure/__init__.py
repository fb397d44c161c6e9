"""The Azure dialect: other paths, names, states and errors for the same provider.

`gateway` stands before the application and translates requests and answers;
`translate` and `names` hold the words of the dialect; `control_plane`, `deployments`,
`projects`, `identity` and `imports` are what Azure has and OpenAI has not. Nothing here
trains or generates.

Sources: azure-mgmt-cognitiveservices 14.1.0, azure-ai-projects 2.10.0, azure-identity
1.27.0, and Microsoft's public specification and documentation (read 2026-11-22).
"""
