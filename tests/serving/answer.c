/* Answers one user from a SavedModel through TensorFlow's C API: what a server without Python does.
 *
 * answer FOLDER USER INPUT IDS SCORES K [LIBRARY]
 *   INPUT, IDS, SCORES: operation names with output numbers, such as serving_default_user:0
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static void check(TF_Status* status, const char* doing) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s: %s\n", doing, TF_Message(status));
    exit(1);
  }
}

static TF_Output output(TF_Graph* graph, const char* name) {
  char operation[256];
  snprintf(operation, sizeof operation, "%s", name);
  char* colon = strrchr(operation, ':');
  *colon = '\0';
  TF_Output found = {TF_GraphOperationByName(graph, operation), atoi(colon + 1)};
  if (found.oper == NULL) {
    fprintf(stderr, "no operation %s\n", operation);
    exit(1);
  }
  return found;
}

int main(int argc, char** argv) {
  TF_Status* status = TF_NewStatus();
  if (argc > 7) {
    TF_LoadLibrary(argv[7], status);
    check(status, "loading the operations");
  }
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status, "loading the bundle");

  const int64_t one = 1;
  TF_Tensor* user = TF_AllocateTensor(TF_STRING, &one, 1, sizeof(TF_TString));
  TF_TString* text = TF_TensorData(user);
  TF_TString_Init(text);
  TF_TString_Copy(text, argv[2], strlen(argv[2]));

  TF_Output input = output(graph, argv[3]);
  TF_Output fetches[] = {output(graph, argv[4]), output(graph, argv[5])};
  TF_Tensor* answers[2] = {NULL, NULL};
  TF_SessionRun(session, NULL, &input, &user, 1, fetches, answers, 2, NULL, 0, NULL, status);
  check(status, "answering");
  const int64_t* ids = TF_TensorData(answers[0]);
  const float* scores = TF_TensorData(answers[1]);
  for (int i = 0; i < atoi(argv[6]); ++i) printf("%" PRId64 " %.6g\n", ids[i], scores[i]);

  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteGraph(graph);
  return 0;
}
