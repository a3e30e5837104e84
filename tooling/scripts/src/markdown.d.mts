export declare function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string;
export declare function sectionOf(page: string, title: string): string | undefined;
export declare function withSection(page: string, title: string, body: string): string;
