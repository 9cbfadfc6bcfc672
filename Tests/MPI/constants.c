// Prints the constants and checks the signatures that Sources/MessagePassing assumes: mpicc -Werror constants.c && ./a.out
//
// Its output with each library's header is Tests/Fixtures/mpi; make test-mpi compares them.
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>

// A handle as text: where Open MPI keeps what it points to, else a number.
#ifdef OPEN_MPI
#define HANDLE(name, symbol) \
  printf("%s %s\n", #name, (void *)(name) == (void *)&(symbol) ? "&" #symbol : "somewhere else")
#else
#define HANDLE(name, symbol) printf("%s 0x%jx\n", #name, (uintmax_t)(uintptr_t)(name))
#endif

// In the order of MPIFunctions.swift. A handle must fit into a register.
static int (*const init_thread)(int *, char ***, int, int *) = MPI_Init_thread;
static int (*const finalize)(void) = MPI_Finalize;
static int (*const comm_rank)(MPI_Comm, int *) = MPI_Comm_rank;
static int (*const comm_size)(MPI_Comm, int *) = MPI_Comm_size;
static int (*const set_errhandler)(MPI_Comm, MPI_Errhandler) = MPI_Comm_set_errhandler;
static int (*const isend)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) = MPI_Isend;
static int (*const irecv)(void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) = MPI_Irecv;
static int (*const testall)(int, MPI_Request[], int *, MPI_Status[]) = MPI_Testall;
static int (*const iprobe)(int, int, MPI_Comm, int *, MPI_Status *) = MPI_Iprobe;
static int (*const abort_job)(MPI_Comm, int) = MPI_Abort;
static int (*const error_string)(int, char *, int *) = MPI_Error_string;
static int (*const library_version)(char *, int *) = MPI_Get_library_version;

_Static_assert(sizeof(MPI_Comm) <= 8 && sizeof(MPI_Datatype) <= 8 && sizeof(MPI_Errhandler) <= 8, "handles");
_Static_assert(MPI_MAX_LIBRARY_VERSION_STRING <= 8193 && MPI_MAX_ERROR_STRING <= 8193, "texts");

int main(void) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  library_version(version, &length);
  fprintf(stderr, "%.40s\n", version);
  (void)init_thread, (void)finalize, (void)comm_rank, (void)comm_size, (void)set_errhandler, (void)isend, (void)irecv;
  (void)testall, (void)iprobe, (void)abort_job, (void)error_string;
  HANDLE(MPI_COMM_WORLD, ompi_mpi_comm_world);
  HANDLE(MPI_BYTE, ompi_mpi_byte);
  HANDLE(MPI_REQUEST_NULL, ompi_request_null);
  HANDLE(MPI_ERRORS_RETURN, ompi_mpi_errors_return);
  printf("MPI_STATUS_IGNORE 0x%jx\n", (uintmax_t)(uintptr_t)MPI_STATUS_IGNORE);
  printf("MPI_STATUSES_IGNORE 0x%jx\n", (uintmax_t)(uintptr_t)MPI_STATUSES_IGNORE);
  printf("MPI_THREAD_SERIALIZED %d\n", MPI_THREAD_SERIALIZED);
  printf("MPI_SUCCESS %d\n", MPI_SUCCESS);
  printf("sizeof(MPI_Request) %zu\n", sizeof(MPI_Request));
  return 0;
}
