/** The rooms of the project, what each is for and which others it may import. */
export const ROOMS: readonly {
  readonly room: string;
  readonly job: string;
  readonly may: readonly string[] | "everything";
}[];
